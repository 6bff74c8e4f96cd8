"""Other firms' protocols: the port every venue adapter fills, and a folder for each venue."""
