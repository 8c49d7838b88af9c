import json
from tests.shell import run
def test_x(home):
    m=json.loads((home/"bundle"/"manifest.json").read_text())
    print({k:v for k,v in m.items() if k!="files"})
    p=run("patient","list","--json",home=home).json[0]["id"]
    print(run("patient","access-log",p,home=home).out)
    print(run("patient","erase",p,"--yes",home=home))
    assert 0
