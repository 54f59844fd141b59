package lumos.controls.doc_02_test

import data.lumos.controls.doc_02
import data.lumos.lib

release(use) := {"lists": {"placeholders": ["todo"]}, "manifest": {"spec": {"intendedUse": use}}}

test_pass if {
	lib.outcome(doc_02) == "pass" with input as release({"purpose": "Rank tickets by urgency", "users": ["support agents"]})
}

test_fail_placeholder if {
	lib.outcome(doc_02) == "fail" with input as release({"purpose": "TODO", "users": ["support agents"]})
	lib.outcome(doc_02) == "fail" with input as release({"purpose": "Rank tickets", "users": ["support agents", "todo"]})
}

test_missing if {
	lib.outcome(doc_02) == "missing" with input as {"manifest": {"spec": {}}}
	lib.outcome(doc_02) == "missing" with input as release({"purpose": "Rank tickets by urgency"})
	lib.outcome(doc_02) == "missing" with input as release({"purpose": "Rank tickets by urgency", "users": []})
	lib.outcome(doc_02) == "missing" with input as release({"purpose": "", "users": ["support agents"]})
}
