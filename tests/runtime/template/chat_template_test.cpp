// The template language, row by row: what Python and Jinja answer, written by hand from their documentation; and what
// hostile templates and inputs get.
#include "runtime/template/chat_template.h"

#include <gtest/gtest.h>

#include <string>

namespace runnel {
namespace {

struct Rendered {
  Status status;
  std::string text;
};

Rendered render(std::string_view source, const ChatInput& input) {
  Result<ChatTemplate> compiled = ChatTemplate::compile(source);
  if (!compiled.ok()) return {compiled.status(), {}};
  Array<char> text;
  Status status = compiled->render(input, &text);
  return {std::move(status), std::string(text.data(), text.size())};
}

Rendered render(std::string_view source, std::string_view extra = {}) {
  ChatInput input;
  input.messages_json = R"([{"role":"user","content":"Hi"},{"role":"assistant","content":"Ho"}])";
  input.extra_json = extra;
  input.bos_token = "<s>";
  input.now_seconds = 1721995200;
  return render(source, input);
}

struct Row {
  const char* source;
  const char* text;
};

class Language : public testing::TestWithParam<Row> {};

TEST_P(Language, AsInJinja) {
  const Rendered rendered = render(GetParam().source, R"({"d":{"b":2,"A":1},"n":null,"f":1.5,"e":"","s":"größe"})");
  EXPECT_TRUE(rendered.status.ok()) << GetParam().source << ": " << rendered.status.message();
  EXPECT_EQ(rendered.text, GetParam().text) << GetParam().source;
}

const Row kExpressions[] = {
    {"{{ 1 + 2 * 3 }} {{ (1 + 2) * 3 }} {{ 2 ** 10 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }}", "7 9 1024 -4 2 3.5"},
    {"{{ 1e16 }} {{ 1e15 }} {{ 0.0001 }} {{ 0.00001 }} {{ 1.0 }} {{ 100000000000000000000.0 }}",
     "1e+16 1000000000000000.0 0.0001 1e-05 1.0 1e+20"},
    {"{{ 'a' ~ 1 ~ none ~ true ~ 1.5 }} {{ 'a' + 'b' }} {{ 'ab' * 2 }} {{ [1] + [2] }}",
     "a1NoneTrue1.5 ab abab [1, 2]"},
    {"{{ 1 < 2 < 3 }} {{ 1 < 3 < 2 }} {{ 1 == 1.0 == true }} {{ 'a' != 'b' }} {{ [1, 2] < [1, 3] }}",
     "True False True True True"},
    {"{{ not 0 and 1 or 2 }} {{ 0 or '' }} {{ 1 and 'x' }} {{ not none }}", "1  x True"},
    {"{{ 'x' if false else 'y' }} {{ 'x' if false }} {{ 1 if 0 else 2 if 0 else 3 }}", "y  3"},
    {"{{ 'größe'[2] }} {{ s[1:4] }} {{ s[::-1] }} {{ s[-2:] }} {{ s|length }} {{ 'abc'[5:9] }} {{ 'abc'[1:99:2] }}",
     "ö röß eßörg ße 5  b"},
    {"{{ [1,2,3][-1] }} {{ [1,2,3][1:] }} {{ [1,2,3][::2] }} {{ [1,2,3][:-1] }} {{ [1][9] }} {{ d['b'] }} {{ d.A }}",
     "3 [2, 3] [1, 3] [1, 2]  2 1"},
    {"{{ {'a': [1, (2,), none], 'q': \"it's\"} }} {{ ('a', 1) }} {{ '\\n\\\\' ~ ['\\n\\\\'] }}",
     "{'a': [1, (2,), None], 'q': \"it's\"} ('a', 1) \n\\['\\n\\\\']"},
    {"{{ 'a' in 'cat' }} {{ 'b' in d }} {{ 3 in [1, 2] }} {{ 3 not in [1, 2] }} {{ 1 in missing }}",
     "True True False True False"},
    {"{{ missing }}|{{ missing is defined }}|{{ n is none }}|{{ n is defined }}|{{ missing == nothing }}|{{ d.zz }}",
     "|False|True|True|True|"},
    {"{{ '%s costs %d or %.2f%%' % ('x', 3, 2.5) }} {{ '%s' % 1 }}", "x costs 3 or 2.50% 1"},
    {"{{ 'a' 'b' }} {{ \"q'q\" }} {{ 'tab\\tnew' }} {{ '\\u00e9\\x41\\101' }}", "ab q'q tab\tnew éAA"},
    {"{{ messages[0].role }} {{ messages[0]['content'] }} {{ messages|length }} {{ bos_token }} {{ eos_token }}",
     "user Hi 2 <s> "},
};
INSTANTIATE_TEST_SUITE_P(Expressions, Language, testing::ValuesIn(kExpressions));

const Row kFilters[] = {
    {"{{ d|tojson }} {{ 'ß\"\\n\\u0001'|tojson }} {{ [1, 2.0, true, none]|tojson }} {{ 'ß'|tojson(ensure_ascii=true) "
     "}}",
     "{\"b\": 2, \"A\": 1} \"ß\\\"\\n\\u0001\" [1, 2.0, true, null] \"\\u00df\""},
    {"{{ {'a': [1, {}], 'b': []}|tojson(indent=2) }}", "{\n  \"a\": [\n    1,\n    {}\n  ],\n  \"b\": []\n}"},
    {"{{ d|tojson(sort_keys=true, separators=(',', ':')) }} {{ {1: 2}|tojson }}", "{\"A\":1,\"b\":2} {\"1\": 2}"},
    {"{{ d|items|list }} {{ d.items()|list }} {{ d|dictsort }} {{ d.keys()|list }} {{ d.values()|sum }}",
     "[('b', 2), ('A', 1)] [('b', 2), ('A', 1)] [('A', 1), ('b', 2)] ['b', 'A'] 3"},
    {"{{ ' a '|trim }}|{{ 'aBc'|upper }}|{{ 'ABÖ'|lower }}|{{ 'hello world'|title }}|{{ 'hELLO'|capitalize }}",
     "a|ABC|abö|Hello World|Hello"},
    {"{{ [3, 1, 2]|sort }} {{ ['b', 'A']|sort }} {{ [1, 2]|sort(reverse=true) }} {{ [1, 2]|reverse|list }}",
     "[1, 2, 3] ['A', 'b'] [2, 1] [2, 1]"},
    {"{{ [1, 2, 3]|select('odd')|list }} {{ [1, 2]|reject('eq', 1)|list }} {{ [0, 1]|select|list }}", "[1, 3] [2] [1]"},
    {"{{ messages|map(attribute='role')|join(', ') }} {{ ['a']|map('upper')|list }} {{ messages|map('length')|list }}",
     "user, assistant ['A'] [2, 2]"},
    {"{{ messages|selectattr('role', 'equalto', 'user')|map(attribute='content')|first }}", "Hi"},
    {"{{ messages|rejectattr('role', 'in', ['user'])|list|length }} {{ ['a', 'A', 'b']|unique|list }}", "1 ['a', 'b']"},
    {"{{ missing|default('x') }} {{ ''|default('y') }}|{{ ''|default('y', true) }} {{ n|default('z') }}", "x |y None"},
    {"{{ 'a\\nb\\n\\nc'|indent(2) }}|{{ 'a\\nb'|indent(1, true) }}|{{ 'a\\nb'|indent('> ') }}",
     "a\n  b\n\n  c| a\n b|a\n> b"},
    {"{{ '42'|int + 1 }} {{ 'x'|int }} {{ '3.9'|int }} {{ '1.5'|float }} {{ 2.5|round }} {{ 2.567|round(1) }} {{ "
     "-3|abs }}",
     "43 0 3 1.5 2.0 2.6 3"},
    {"{{ 'a-b-c'.split('-') }} {{ ' a  b '.split() }} {{ 'a-b-c'.split('-', 1) }} {{ 'abc'.replace('b', 'x') }}",
     "['a', 'b', 'c'] ['a', 'b'] ['a', 'b-c'] axc"},
    {"{{ 'xabx'.strip('x') }} {{ 'abc'.startswith('ab') }} {{ 'abc'.endswith(('x', 'c')) }} {{ 'a,b'.find(',') }}",
     "ab True True 1"},
    {"{{ '<b>'|e }} {{ ('<b>'|safe) + '<i>' }} {{ [1, 2]|first }} {{ [1, 2]|last }} {{ [4, 2]|min }} {{ [4, 2]|max }}",
     "&lt;b&gt; <b>&lt;i&gt; 1 2 2 4"},
    {"{% set g = [1, 2]|map('string') %}{{ g|list }}{{ g|list }}", "['1', '2'][]"},
    {"{{ d.get('b') }} {{ d.get('z') }} {{ d.get('z', 0) }} {{ none|select|list }} {{ d|length }} {{ d|list }}",
     "2 None 0 [] 2 ['b', 'A']"},
};
INSTANTIATE_TEST_SUITE_P(Filters, Language, testing::ValuesIn(kFilters));

const Row kStatements[] = {
    {"{% for x in [1, 2, 3] %}{{ loop.index }}{{ loop.first }}{{ loop.last }}{{ loop.revindex0 }}{% if not loop.last "
     "%},"
     "{% endif %}{% endfor %}",
     "1TrueFalse2,2FalseFalse1,3FalseTrue0"},
    {"{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}{% for x in [] %}a{% else %}none{% endfor %}",
     "b=2;A=1;none"},
    {"{% for x in range(6) if x % 2 %}{{ x }}/{{ loop.length }} {% endfor %}", "1/3 3/3 5/3 "},
    {"{% for x in range(9) %}{% if x == 1 %}{% continue %}{% endif %}{% if x == 3 %}{% break %}{% endif %}{{ x }}{% "
     "endfor %}",
     "02"},
    {"{% for x in [1, 2] %}{% for y in [3, 4] %}{{ loop.index }}{{ loop.depth }}{% endfor %}{{ loop.cycle('a', 'b') "
     "}}{% endfor %}",
     "1222a1222b"},
    {"{% for x in 'ab' %}{{ loop.previtem is defined }}{{ loop.nextitem }}{% endfor %}", "FalsebTrue"},
    {"{% set x = 1 %}{% for i in [1] %}{% set x = 2 %}{{ x }}{% endfor %}{{ x }}{% if true %}{% set x = 3 %}{% endif "
     "%}{{ x }}",
     "213"},
    {"{% set ns = namespace(n=0) %}{% for i in range(4) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}", "6"},
    {"{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set c %}<{{ a }}>{% endset %}{{ c }}{% set u | upper %}x{% endset %}{{ u "
     "}}",
     "12<1>X"},
    {"{% macro f(x, y='d', z) %}{{ x }}{{ y }}{{ z is defined }}{% endmacro %}{{ f(1) }} {{ f(1, y=2) }} {{ f(1, 2, 3) "
     "}}",
     "1dFalse 12False 12True"},
    {"{% macro fact(n) %}{% if n < 2 %}1{% else %}{{ n * fact(n - 1)|int }}{% endif %}{% endmacro %}{{ fact(10) }}",
     "3628800"},
    {"{% macro box() %}[{{ caller('x') }}]{% endmacro %}{% call(a) box() %}in {{ a }}{% endcall %}", "[in x]"},
    {"{% filter upper %}a{{ 'b' }}{% endfilter %}{% with q = 1, r = 2 %}{{ q + r }}{% endwith %}{{ q is defined }}",
     "AB3False"},
    {"{% raw %}{{ x }}{% endraw %}{# {{ gone }} #}{% generation %}kept{% endgeneration %}", "{{ x }}kept"},
    {"a\n  {% if true %}\nb\n  {% endif %}\nc\n", "a\nb\nc"},
    {"a \n {%- if true -%} \n b \n {%- endif %}\nc", "abc"},
    {"a\n  {%+ if true +%}\nb{% endif %}", "a\n  \nb"},
    {"a\n  {# gone #}\nb {{ 1 }} \n  {{- 2 }}", "a\nb 12"},
    {"x\r\ny\rz\n\n", "x\ny\nz\n"},
    {"{{ strftime_now('%d %b %Y') }}", "26 Jul 2024"},
    {"{% if n is none and d is mapping and f is number and e is string and [] is sequence and d is iterable %}all{% "
     "endif %}",
     "all"},
    {"{% if 1 is odd and 4 is divisibleby 2 and 'a' is in ['a'] and 2 is gt 1 and n is not string %}all{% endif %}",
     "all"},
};
INSTANTIATE_TEST_SUITE_P(Statements, Language, testing::ValuesIn(kStatements));

// Each must end with invalid_argument or out_of_memory, soon, and without harm.
class Hostile : public testing::TestWithParam<std::string> {};

TEST_P(Hostile, EndsWithAStatus) {
  const Rendered rendered = render(GetParam());
  EXPECT_TRUE(rendered.status.code() == Code::invalid_argument || rendered.status.code() == Code::out_of_memory)
      << GetParam().substr(0, 80) << " gave " << code_name(rendered.status.code());
  EXPECT_EQ(std::string(rendered.status.message()).substr(0, 14), "chat template:") << rendered.status.message();
  EXPECT_EQ(rendered.text, "");
}

std::string times(int n, const std::string& s) {
  std::string all;
  for (int i = 0; i < n; ++i) all += s;
  return all;
}

const std::string kHostile[] = {
    "{% for i in range(1000000000) %}{% endfor %}",
    "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}{% endfor %}{% endfor %}{% endfor "
    "%}",
    "{{ range(0, 9223372036854775807, 9223372036854775807) }}{{ range(-9223372036854775807, 9223372036854775807) }}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{% macro f(x=f()) %}{% endmacro %}{{ f() }}",
    "{% set a = 'xxxxxxxxxxxxxxxx' %}" + times(40, "{% set a = a ~ a %}") + "{{ a }}",
    "{% set a = [1] %}" + times(40, "{% set a = a + a %}") + "{{ a }}",
    "{{ 'x' * 9223372036854775807 }}",
    "{{ 'x' * 1000000 * 1000000 }}",
    "{{ 'ab'.replace('', 'x' * 100000).replace('x', 'y' * 100000) }}",
    "{{ [1] * 9223372036854775807 }}",
    "{{ 1 % 0 }}",
    "{{ 1 // 0 }}",
    "{{ 1 / 0 }}",
    "{{ 1.5 % 0 }}",
    "{{ (-9223372036854775807 - 1) // -1 }}",
    "{{ 9223372036854775807 + 1 }}",
    "{{ 3 ** 99 }}",
    "{{ 10.0 ** 999 }}",
    "{{ 99999999999999999999 }}",
    "{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}",
    "{% set ns = namespace() %}{% set ns.me = [ns] %}{{ ns.me == ns.me ~ ns.me }}",
    "{% set ns = namespace() %}{% set ns.me = ns %}{{ ns|tojson }}",
    "{% set l = [] %}{% set _ = l.append(l) %}{{ l }}",
    "{{ " + times(20000, "(") + "1" + times(20000, ")") + " }}",
    "{{ " + times(20000, "-") + "1 }}",
    "{{ " + times(20000, "not ") + "1 }}",
    "{{ 1" + times(20000, " + 1") + " }}",
    "{{ 1" + times(20000, "|abs") + " }}",
    "{{ d" + times(20000, ".a") + " }}",
    "{{ 1" + times(5000, " if 1 else 1") + " }}",
    times(3000, "{% if true %}") + times(3000, "{% endif %}"),
    times(3000, "{% for x in [1] %}"),
    "{{ [" + times(20000, "[") + " }}",
    "{{ [1]|map('map', 'map', 'map') |list }}",
    "{{ 'x'|indent(99999999) }}",
    "{{ {}|tojson(indent=99999999) }}",
    "{{ 1|round(99999) }}",
    "{{ strftime_now('" + times(200, "%A") + "') }}",
    "{{ missing.attribute }}",
    "{{ missing() }}",
    "{{ none + 1 }}",
    "{{ 'a' + 1 }}",
    "{{ 1 < 'a' }}",
    "{{ ''.__class__ }}",
    "{{ 'a'|nofilter }}",
    "{{ 'a' is notest }}",
    "{{ raise_exception('no %s %n here') }}",
    "{{ [1]|map('string')|tojson }}",
    "{% for a, b in [[1]] %}{% endfor %}",
    "{% set d.x = 1 %}",
    "{% include 'x' %}",
    "{% break %}",
    "{% if %}{% endif %}",
    "{% if 1 %}",
    "{% endif %}",
    "{{ 1",
    "{{ 'abc }}",
    "{# no end",
    "{% raw %} no end",
    "{{ '\\ud800' }}",
    "{{ '\\x4' }}",
    "{{ $ }}",
    "{{ (1] }}",
    "{{ [1:2:3:4][0] }}",
    "{{ f(*x) }}",
    "\xff",
    times(300000, "x"),
};
INSTANTIATE_TEST_SUITE_P(All, Hostile, testing::ValuesIn(kHostile));

TEST(ChatTemplate, RefusesInputThatIsNoMessages) {
  for (const std::string& messages :
       {std::string(), std::string("{}"), std::string("[1"), std::string("[01]"), std::string("[\"\\ud800\"]"),
        std::string("[\"\xff\"]"), std::string("[1e999]"), std::string("[123456789012345678901234567890]"),
        std::string("[1] 2"), times(100, "[") + times(100, "]"), times(100000, "["), std::string("[\"\n\"]")}) {
    ChatInput input;
    input.messages_json = messages;
    EXPECT_EQ(render("{{ messages }}", input).status.code(), Code::invalid_argument) << messages.substr(0, 40);
  }
}

TEST(ChatTemplate, ErrorsNameTheLine) {
  EXPECT_STREQ(render("a\nb\n{{ raise_exception('Only user roles') }}").status.message(),
               "chat template: line 3: Only user roles");
  EXPECT_STREQ(render("a\n{% for x in y %}").status.message(),
               "chat template: line 2: the template ends before 'endfor'");
  EXPECT_STREQ(render("\n\n{{ missing.x }}").status.message(), "chat template: line 3: 'missing' is undefined");
}

TEST(ChatTemplate, AppendsAndLeavesTheTextOnFailure) {
  ChatInput input;
  input.messages_json = "[]";
  Result<ChatTemplate> compiled = ChatTemplate::compile("{{ 1 }}{% if add_generation_prompt %}{{ 1 / 0 }}{% endif %}");
  ASSERT_TRUE(compiled.ok());
  Array<char> text;
  ASSERT_TRUE(text.push('<'));
  EXPECT_FALSE(compiled->render(input, &text).ok());
  EXPECT_EQ(text.size(), 1u);
  input.add_generation_prompt = false;
  EXPECT_TRUE(compiled->render(input, &text).ok());
  EXPECT_EQ(std::string(text.data(), text.size()), "<1");
}

TEST(ChatTemplate, LongMessagesRender) {
  const std::string content(2 << 20, 'x');
  const std::string messages = R"([{"role":"user","content":")" + content + R"("},{"role":"user","content":"y"}])";
  ChatInput input;
  input.messages_json = messages;
  const Rendered rendered = render(
      "{% for m in messages %}{{ '<|' + m.role + '|>' + m.content|trim + '\n' + eos_token }}{% endfor %}", input);
  EXPECT_FALSE(rendered.status.ok());  // eos_token is undefined here, and + says so
  input.eos_token = "</s>";
  const Rendered whole = render(
      "{% for m in messages %}{{ '<|' + m.role + '|>' + m.content|trim + '\n' + eos_token }}{% endfor %}", input);
  ASSERT_TRUE(whole.status.ok()) << whole.status.message();
  EXPECT_EQ(whole.text, "<|user|>" + content + "\n</s><|user|>y\n</s>");
}

}  // namespace
}  // namespace runnel
