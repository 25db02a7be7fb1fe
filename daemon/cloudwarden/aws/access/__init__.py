"""Access to many accounts: which there are, as whom each is read, and the clients that all of them share."""
