"""`validate --kind cost`: published costs, energy and carbon beside what is predicted from what else is published."""
