"""Takes a deployment away, and says beforehand what stays and why."""
