"""The documents that are generated from the contracts: pages, JSON Schemas, AsyncAPI."""
