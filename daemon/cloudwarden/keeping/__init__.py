"""Keeping the record: the journal's copy off this machine, and restoring the store from a backup."""
