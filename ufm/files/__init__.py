"""Files, locks, memory, processors, processes and plain text. It uses nothing of ours, and everybody may come in."""
