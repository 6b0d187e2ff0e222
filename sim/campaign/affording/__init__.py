"""What a run costs against what organisations spend in a year: ratios, and no verdict."""
