"""The schema's history: one script for each change, in order. There is no way back but a backup."""
