"""The flow: gather, judge, settle, act. Knows the ports, and no adapter."""
