"""What a fit returns: laws, parameters, curves, errors, verdict, prediction, files."""
