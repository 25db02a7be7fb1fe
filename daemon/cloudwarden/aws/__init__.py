"""Amazon Web Services: the only code that talks to AWS, and what policy files import of it."""
