"""The one port: metrics and health."""
