"""What an incident report is made of: gathered in the one pass over an archive in which it is judged."""
