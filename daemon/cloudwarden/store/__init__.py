"""The database: findings, proposals, actions, decisions, and the journal."""
