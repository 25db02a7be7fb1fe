"""Shipped rules, by theme; each uses the public API only."""
