"""Adapters that send messages to people: apprise's many services, and the twin in memory."""
