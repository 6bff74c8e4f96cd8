"""What the stack costs, each figure beside the machine's limit measured in the same run."""
