"""The console: the pages of staff."""
