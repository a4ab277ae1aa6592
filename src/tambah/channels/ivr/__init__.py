"""The telephone: calls by FastAGI or webhooks, and the prompts that are played on them."""
