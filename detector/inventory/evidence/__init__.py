"""Evidence of deployments: from what CI systems send to deployment records."""
