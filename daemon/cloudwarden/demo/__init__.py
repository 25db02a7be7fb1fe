"""The demo: a small simulated estate in this process, and the real daemon watching it."""
