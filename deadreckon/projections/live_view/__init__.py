"""The live view: current figures and latest activity, for dashboards."""
