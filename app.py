"""The app: navigation only. Start it with `make app`."""

import evaluator.quiet  # isort: skip  before any other: it switches telemetry off
import streamlit as st

st.set_page_config(page_title="Mock interview", page_icon="evaluator/ui/icon.svg", layout="centered")
st.navigation(
    [st.Page("evaluator/ui/practice.py", title="Practice", icon=":material/edit_note:", default=True)], position="hidden"
).run()
