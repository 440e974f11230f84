"""The Streamlit pages. Thin: they ask the spine for a report and show it."""
