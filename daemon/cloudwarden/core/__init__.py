"""What Cloudwarden means by its words: pure values and functions, no I/O and no clock."""
