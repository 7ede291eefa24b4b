"""Tells languages apart: for each, a pattern of lines that are typical of it alone."""

from __future__ import annotations

import re

SIGNS: dict[str, str] = {
    "python": r"^\s*(?:(?:async )?def \w+\(.*\).*:|(?:el)?if .*:|for .* in .*:|class \w+.*:|"
    r"(?:from [\w.]+ )?import [\w., ]+$|return\b[^;{]*$|@\w+|try:|except\b.*:|with .*:|else:)",
    "javascript": r"^\s*(?:(?:export )?(?:async )?function\b|(?:const|let|var) \S.*=|"
    r"import .* from ['\"]|(?:module\.)?exports\b|console\.|"
    r"(?:static |async |get |set )?\w+\([\w, =]*\) \{$)|\bthis\.\w|=>\s*[{(]?|===|!==",
    "typescript": r"^\s*(?:(?:export )?(?:interface|type|enum) \w+|import type\b|"
    r"(?:public|private|readonly) \w+[?]?:)|[)\w]\??: (?:string|number|boolean|void|any|unknown|"
    r"Promise<)|\bas (?:const|string|any)\b|\}: \w+\) (?:=>|\{)|\buse\w+<",
    "rust": r"^\s*(?:pub(?:\(\w+\))? )?(?:fn|struct|enum|impl|trait|mod|use)\b.*[{;,(]?$|"
    r"\blet (?:mut )?\w+|->\s*[\w&<]+|::<|\w+!\(|&mut |&self",
    "go": r"^\s*(?:package \w+$|func\b|import \(|type \w+ (?:struct|interface))|:=|"
    r"\bif err != nil\b|\bfmt\.\w",
    "java": r"^\s*(?:(?:public|private|protected) (?:static |final |abstract )*[\w<>\[\], ]+[({;=]|"
    r"import (?:static )?[\w.]+(?:\.\*)?;|package [\w.]+;|@Override|(?:final |abstract )?class "
    r"\w+(?: extends \w+)? \{$)|System\.out\.|\bnew \w+<|\bthrow new \w+Exception\b",
    "c": r"^\s*(?:#\s*(?:include|define|ifn?def|endif)|(?:static |const |unsigned )*(?:int|char|"
    r"void|double|float|size_t|struct \w+)\b[ *]+\w+)|\bprintf\(|\w->\w|\bNULL\b|\bmalloc\(",
    "cpp": r"^\s*(?:template\s*<|namespace \w*|using namespace|class \w+.*\{?$|"
    r"(?:public|private|protected):|#\s*include <\w+>)|\bstd::|\bcout\b|\bnullptr\b|\bauto\b",
    "csharp": r"^\s*(?:using [\w.]+;|namespace [\w.]+|(?:public|private|internal|protected) "
    r"(?:static|override|async|virtual|readonly )*[\w<>?\[\]]+ \w+)|\bConsole\.|\{ get;|"
    r"\bvar \w+ = new\b|\bforeach \(|^\s*class \w+$|\bthrow new \w+Exception\b",
    "ruby": r"^\s*(?:def [\w.?!=]+(?:\(.*\))?$|end$|require(?:_relative)? ['\"]|"
    r"class \w+(?: < \w+)?$|module \w+$|attr_\w+ :|puts\b|unless\b)|\bdo \|.*\|$|"
    r"@\w+ [|+*-]?=|\.each\b",
    "php": r"^\s*(?:<\?php|(?:public |private |protected |static )*function \w+\(.*\$|"
    r"namespace [\w\\]+;|use [\w\\]+;)|\$\w+\s*(?:=|->|\[|;|\.)|\becho\b",
    "kotlin": r"^\s*(?:(?:\w+ )*fun \w*|(?:private |override )?va[lr] \w+|"
    r"(?:data |sealed |open )?class \w+\(|package [\w.]+$|import [\w.]+$)|\bwhen \(|\?:|"
    r"\blistOf\(|\bprintln\(",
    "lua": r"^\s*(?:local \w+|function [\w.:]+\(.*\)$|end\)?$|--)|\bthen$|\bdo$|\.\.|~=|\bnil\b",
    "shellscript": r"^\s*(?:if \[|fi$|done$|esac$|for \w+ in .*; ?do$|[\w-]+\(\) ?\{|"
    r"export \w+=|echo\b|set -[a-z]|local \w+)|^[A-Za-z_]\w*=\S|\$\{?\w+\}?\"|\$\(",
    "html": r"^\s*(?:<!doctype|</?(?:html|head|body|div|p|ul|li|form|table|tr|td|h[1-6]|a|link|"
    r"meta|title|section|nav|main|header|footer|script|style|button|input|label)\b)",
    "css": r"^\s*(?:[.#:][\w-][^;=]*\{$|@(?:media|import|font-face|keyframes)\b|--[\w-]+: |"
    r"[a-z-]+: [^;{}]*;$)",
    "sql": r"(?i)^\s*(?:select\b(?! *=)|insert into|create (?:table|index|view|or replace)|"
    r"update \w+ set|delete from|from \w+|where\b|(?:left |inner )?join \w+|"
    r"(?:group|order) by\b|alter table)|"
    r"\b(?:not null|primary key|varchar)\b",
    "json": r"^\s*(?:[{\[]\s*)?\"[^\"]*\": ?(?:[\[{\"\d-]|true|false|null|$)",
}
"""A pattern for each language, by its id, searched within one line."""

EXTENDS = {"typescript": "javascript", "typescriptreact": "javascript", "cpp": "c"}
"""The language that each of these extends, whose signs it shares."""

JSX = re.compile(r"</[\w.-]*>|\s/>\s*[,;)}]*$", re.MULTILINE)
"""A tag in code."""
