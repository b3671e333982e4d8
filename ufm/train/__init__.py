"""The companion trainer: real networks that confirm or refute what theory predicts."""
