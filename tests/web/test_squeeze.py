"""What a browser does not need of our own files, and which headers a file goes without."""

from tambah.web.assets import squeeze_css, squeeze_js


def test_a_script_loses_its_comments_and_its_indentation_alone() -> None:
    text = '"use strict";\n// why\n(() => {\n  const url = "https://x"; // kept\n\n})();\n'
    assert squeeze_js(text) == '"use strict";\n(() => {\nconst url = "https://x"; // kept\n})();'


def test_a_stylesheet_loses_comments_and_spaces() -> None:
    assert squeeze_css("/* why */ a  >  b { color: red; }\n") == "a>b{color: red}"
