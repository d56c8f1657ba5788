"""Archives in Azure Blob Storage: found by pruned listing, read in parallel ranges."""
