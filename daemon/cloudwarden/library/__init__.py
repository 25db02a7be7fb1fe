"""Rules that ship with Cloudwarden, by theme. They use nothing that a policy file could not."""
