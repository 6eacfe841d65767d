"""Topic and sentiment of financial texts: labels, training, export, scoring."""
