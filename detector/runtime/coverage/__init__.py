"""Coverage: what a deployment can see of what the best practices ask for, and what it has said."""
