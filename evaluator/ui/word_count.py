"""A word count that follows every keystroke. Streamlit sees a text only when it is committed, so the browser counts."""

from __future__ import annotations

import streamlit as st

_JS = """
export default function (component) {
  const { parentElement, data } = component;
  const out = parentElement.querySelector("output");
  const show = () => {
    const field = document.querySelector(`textarea[aria-label="${data.label}"]`);
    const text = field ? field.value : "";
    const words = (text.match(/\\S+/g) || []).length;
    const chars = [...text].length;
    const over = chars > data.limit;
    out.textContent = `${words} ${words === 1 ? "word" : "words"}` +
      (over ? ` · ${chars} characters, the limit is ${data.limit}` : "");
    out.dataset.over = over;
  };
  document.addEventListener("input", show);
  const timer = setInterval(show, 1000);
  show();
  return () => { document.removeEventListener("input", show); clearInterval(timer); };
}
"""
_CSS = """
output { font-family: var(--st-font); font-size: 0.875rem; color: var(--st-text-color); opacity: 0.7; }
output[data-over="true"] { font-weight: 600; opacity: 1; }
"""

_component = st.components.v2.component(
    "word_count", html="<output aria-live='off' data-testid='word-count'></output>", css=_CSS, js=_JS
)


def show_word_count(label: str, limit: int) -> None:
    """Counts the words of the text area with this label. `limit` is in characters."""
    _component(data={"label": label, "limit": limit}, key="word-count", height="content")
