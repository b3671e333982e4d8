"""What a command draws of its own results, by the name of the command."""
