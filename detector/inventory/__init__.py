"""What is known of agents besides their logs: the directory that Microsoft Graph shows, and evidence of deployments."""
