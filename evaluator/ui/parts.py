"""The parts shared by all sessions, built once for the process."""

from __future__ import annotations

import streamlit as st

from evaluator.assembly import Assembly
from evaluator.logs import set_up_logging
from evaluator.settings import read_settings


@st.cache_resource(show_spinner="Opening the question bank…")
def load_assembly() -> Assembly:
    """Raises BadSettings, BadInput or BadRubric; what cannot be built yet is built when it is needed."""
    assembly = Assembly(read_settings())
    set_up_logging(assembly.settings.log_level)
    assembly.store.index_all()
    return assembly
