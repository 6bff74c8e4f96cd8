"""Documents generated from the contracts: pages, JSON Schemas, AsyncAPI."""
