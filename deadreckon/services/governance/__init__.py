"""The service that answers operators and stops what performs badly."""
