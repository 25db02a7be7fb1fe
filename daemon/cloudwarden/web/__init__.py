"""The one port on which the daemon shows itself."""
