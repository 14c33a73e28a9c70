"""How strict the content filters of a deployment really are."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor.analysis.content_filter.analysis import ANALYSIS, POLICIES
from auditor.analysis.contract import Context
from auditor.azure import content_filters as content_policy
from auditor.model import Gap, Resource
from tests.estates.derived import Derived

Body = dict[str, Any]
FactsOf = Callable[..., list[Derived]]
Make = Callable[..., Context]

ACCOUNT = "/subscriptions/s/resourceGroups/rg/providers/Microsoft.CognitiveServices/accounts/oai"
HARM = ("hate", "sexual", "selfharm", "violence")


def _entry(name: str, source: str, threshold: str | None = "Low", **more: Any) -> Body:
    entry: Body = {"name": name, "source": source, "enabled": True, "blocking": True}
    return entry | ({"severityThreshold": threshold} if threshold else {}) | more


def _filters(threshold: str = "Low") -> list[Body]:
    harm = [_entry(name, source, threshold) for name in HARM for source in ("Prompt", "Completion")]
    binary = [("jailbreak", "Prompt"), ("profanity", "Prompt"), ("profanity", "Completion")]
    return harm + [_entry(name, source, None) for name, source in binary]


def _policy(filters: Any, name: str = "strict", account: str = ACCOUNT, **properties: Any) -> Body:
    body = {"mode": "Default", "basePolicyName": "Microsoft.Default", "contentFilters": filters}
    return {"id": f"{account}/raiPolicies/{name}", "name": name, "properties": body | properties}


def _deployment(policy: str | None = "strict", model: str = "gpt-35-turbo") -> Body:
    properties: Body = {"model": {"name": model}}
    return {
        "id": f"{ACCOUNT}/deployments/gpt",
        "properties": properties | ({"raiPolicyName": policy} if policy else {}),
    }


@pytest.fixture
def judge(make: Make, facts_of: FactsOf) -> Callable[..., Derived]:
    """Return a function that gives the one deployment fact of a small estate."""

    def run(*bodies: Body, **options: Any) -> Derived:
        (fact,) = facts_of(ANALYSIS, make(bodies, **options), "content_filter.deployment")
        return fact

    return run


@pytest.mark.parametrize(("threshold", "met"), [("Low", True), ("low", True), ("Medium", False), ("High", False)])
@pytest.mark.parametrize("member", ["severityThreshold", "allowedContentLevel"])
def test_p1_low_is_the_strictest_threshold(
    judge: Callable[..., Derived], threshold: str, member: str, *, met: bool
) -> None:
    filters = [
        {member if key == "severityThreshold" else key: inner for key, inner in entry.items()}
        for entry in _filters(threshold)
    ]
    assert judge(_deployment(), _policy(filters)).fields["harmMet"] is met


def test_stricter_than_asked_is_good_enough(judge: Callable[..., Derived]) -> None:
    fact = judge(_deployment(), _policy(_filters()), parameters={"content_filter": {"min_threshold": "Medium"}})
    assert (fact.fields["harmMet"], fact.fields["weakestHarm"]) == (True, 3)


@pytest.mark.parametrize(
    "weakness", [{"enabled": False}, {"blocking": False}, {"blocking": None, "action": "ANNOTATING"}]
)
def test_a_filter_that_does_not_block_is_no_filter(judge: Callable[..., Derived], weakness: Body) -> None:
    filters = _filters()
    filters[0] |= weakness
    fact = judge(_deployment(), _policy(filters))
    assert (fact.fields["harmMet"], fact.fields["weakestHarm"]) == (False, 0)
    assert fact.fields["unmet"] == ["hate (Prompt)"]


@pytest.mark.parametrize("maker", ["Mistral AI", "xAI"])
def test_filters_are_not_in_the_path_of_a_partner_s_model(judge: Callable[..., Derived], maker: str) -> None:
    deployment = _deployment()
    deployment["properties"]["model"] = {"format": maker, "name": "large"}
    fact = judge(deployment, _policy(_filters()))
    assert {"policyBound", "mode", "harmMet", "jailbreakMet", "profanityMet"} <= set(fact.uncollected)
    assert "partner" in fact.uncollected["harmMet"].reason


@pytest.mark.parametrize("maker", ["OpenAI", "openai", "OpenAI-OSS", "Microsoft"])
def test_filters_are_in_the_path_of_a_model_of_openai_s_or_microsoft_s(
    judge: Callable[..., Derived], maker: str
) -> None:
    deployment = _deployment()
    deployment["properties"]["model"] = {"format": maker, "name": "gpt-4o"}
    assert judge(deployment, _policy(_filters())).fields["harmMet"] is True


@pytest.mark.parametrize(("name", "is_known"), [("gpt-4o", True), ("o4-mini", True), ("o4x", False), ("large", False)])
def test_where_no_maker_is_stated_the_name_tells_openai_s_models(
    judge: Callable[..., Derived], name: str, *, is_known: bool
) -> None:
    fact = judge(_deployment(model=name), _policy(_filters()))
    assert fact.fields.get("harmMet") is (True if is_known else None)
    assert ("harmMet" in fact.uncollected) is not is_known


def test_a_partner_s_model_leaves_open_what_nothing_is_asked_of(judge: Callable[..., Derived]) -> None:
    deployment = _deployment()
    deployment["properties"]["model"] = {"format": "Anthropic", "name": "claude"}
    fact = judge(deployment, _policy(_filters()), parameters={"content_filter": {"require": {}, "extended": []}})
    assert {"extendedMet", "jailbreakMet", "harmMet"} <= set(fact.uncollected)


def test_whether_a_policy_is_used_by_a_partner_s_model_alone_is_not_known(make: Make, facts_of: FactsOf) -> None:
    deployment = _deployment()
    deployment["properties"]["model"] = {"format": "Anthropic", "name": "claude"}
    (fact,) = facts_of(ANALYSIS, make([deployment, _policy(_filters())]), "content_filter.policy")
    assert {"used", "changedAfterDeployment"} <= set(fact.uncollected)


def _account(**instant: Any) -> Body:
    return {"id": ACCOUNT, "name": "oai", "properties": {"instant": instant} if instant else {}}


def test_a_model_that_needs_no_deployment_has_the_policy_that_the_account_names(make: Make, facts_of: FactsOf) -> None:
    account = _account(raiPolicyName="Strict", modelAllowList=["gpt-5-mini", "gpt-5.5", "claude-opus"])
    facts = facts_of(ANALYSIS, make([account, _policy(_filters())]), "content_filter.deployment")
    assert [(fact.fields["model"], fact.fields["instant"], fact.fields.get("harmMet")) for fact in facts] == [
        ("gpt-5-mini", True, True),
        ("gpt-5.5", True, True),
        ("claude-opus", True, None),
    ]
    (policy,) = facts_of(ANALYSIS, make([account, _policy(_filters())]), "content_filter.policy")
    assert policy.fields["used"] is True


@pytest.mark.parametrize("account", [_account(), _account(raiPolicyName="weak", modelAllowList=[])])
def test_an_empty_list_means_that_no_model_goes_without_a_deployment(
    make: Make, facts_of: FactsOf, account: Body
) -> None:
    assert facts_of(ANALYSIS, make([account]), "content_filter.deployment") == []


def test_a_list_of_models_that_is_not_there_says_nothing(judge: Callable[..., Derived]) -> None:
    fact = judge(_account(raiPolicyName="strict"), _policy(_filters()))
    assert {"policyBound", "harmMet"} <= set(fact.uncollected)


def test_a_policy_of_the_service_that_nothing_is_known_of_is_not_taken_for_its_default(
    judge: Callable[..., Derived],
) -> None:
    parameters = {"content_filter": {"min_threshold": "Medium"}}
    assert judge(_deployment("Microsoft.DefaultV2"), parameters=parameters).fields["harmMet"] is True
    assert "harmMet" in judge(_deployment("Microsoft.Nil"), parameters=parameters).uncollected


@pytest.mark.parametrize(
    ("complete", "lists", "exists"), [(True, ["Swears"], True), (True, [], False), (False, [], None)]
)
def test_a_block_list_that_nobody_made_does_not_exist(
    judge: Callable[..., Derived], lists: list[str], *, complete: bool, exists: bool | None
) -> None:
    made = [{"id": f"{ACCOUNT}/raiBlocklists/{name}", "name": name, "properties": {}} for name in lists]
    policy = _policy([], customBlocklists=[{"blocklistName": "swears", "source": "Prompt", "blocking": True}])
    fact = judge(_deployment(), policy, *made, complete=complete)
    assert fact.fields["blocklists"][0].get("exists") is exists


@pytest.mark.parametrize("name", ["Selfharm", "self_harm", "Self-Harm", "Self Harm"])
def test_the_spelling_of_a_category_does_not_matter(judge: Callable[..., Derived], name: str) -> None:
    filters = [entry | ({"name": name} if entry["name"] == "selfharm" else {}) for entry in _filters()]
    assert judge(_deployment(), _policy(filters)).fields["harmMet"] is True


def test_what_a_policy_does_not_say_it_inherits(judge: Callable[..., Derived]) -> None:
    fact = judge(_deployment(), _policy([]))
    hate = fact.fields["filters"][0]
    assert (hate["strictness"], hate["origin"], hate["threshold"]) == (2, "base", "Medium")
    assert fact.fields["jailbreakMet"] is False


@pytest.mark.parametrize("bodies", [[_deployment(None)], [_deployment(), _policy([], basePolicyName=None)]])
def test_which_of_its_own_policies_the_service_applies_is_not_known(
    judge: Callable[..., Derived], bodies: list[Body]
) -> None:
    """One of the two blocks jailbreak prompts; harm is filtered at the middle threshold by both, profanity by neither."""
    fact = judge(*bodies)
    assert (fact.fields["harmMet"], fact.fields["weakestHarm"], fact.fields["profanityMet"]) == (False, 2, False)
    assert "not stated" in fact.uncollected["jailbreakMet"].reason


@pytest.mark.parametrize(
    ("listed", "met"),
    [
        (["Microsoft.Default"], False),
        (["Microsoft.DefaultV2"], True),
        (["Microsoft.Default", "Microsoft.DefaultV2"], None),
    ],
)
def test_the_service_s_own_policies_that_an_account_lists_say_what_applies(
    judge: Callable[..., Derived], listed: list[str], *, met: bool | None
) -> None:
    entries = {"Microsoft.Default": [], "Microsoft.DefaultV2": [_entry("jailbreak", "Prompt", None)]}
    fact = judge(_deployment(None), *(_policy(entries[name], name, type="SystemManaged") for name in listed))
    assert fact.fields.get("jailbreakMet") is met
    assert ("jailbreakMet" in fact.uncollected) is (met is None)


@pytest.mark.parametrize(
    "contradiction",
    [{"action": "ANNOTATING"}, {"action": "None"}, {"allowedContentLevel": "High"}, {"blocking": False}],
)
def test_an_entry_that_contradicts_itself_is_no_answer(judge: Callable[..., Derived], contradiction: Body) -> None:
    filters = _filters()
    filters[0] |= {"action": "BLOCKING", **contradiction}
    fact = judge(_deployment(), _policy(filters))
    assert "contradicts itself" in fact.uncollected["harmMet"].reason
    filters[1]["enabled"] = False
    assert judge(_deployment(), _policy(filters)).fields["harmMet"] is False


@given(st.permutations([{}, {"severityThreshold": None}, {"enabled": False}]), st.integers(1, 3))
def test_of_several_entries_the_weakest_that_may_apply_counts(variants: list[Body], count: int) -> None:
    """One that is off lets through what the others would not; one that leaves it open may."""
    first = _entry("hate", "Prompt")
    body = _policy([first | variant for variant in variants[:count]])
    found = content_policy.effective({"strict": Resource.of(body)}, "strict", "hate", "Prompt")
    is_off, is_open = ({"enabled": False} in variants[:count]), ({"severityThreshold": None} in variants[:count])
    assert found.strictness == (0 if is_off else None if is_open else 3)


def test_a_base_policy_that_was_collected_is_read(judge: Callable[..., Derived]) -> None:
    base = _policy([_entry("jailbreak", "Prompt", None)], "Microsoft.DefaultV2", type="SystemManaged")
    fact = judge(_deployment(), _policy([], basePolicyName="Microsoft.DefaultV2"), base)
    assert fact.fields["jailbreakMet"] is True


def test_a_threshold_that_is_missing_on_an_enabled_filter_is_not_known(judge: Callable[..., Derived]) -> None:
    filters = _filters()
    del filters[0]["severityThreshold"]
    fact = judge(_deployment(), _policy(filters))
    assert {"harmMet", "filters[0].strictness"} <= set(fact.uncollected)
    filters[1]["enabled"] = False
    assert judge(_deployment(), _policy(filters)).fields["harmMet"] is False


def test_binary_filters_need_no_threshold(judge: Callable[..., Derived]) -> None:
    fact = judge(_deployment(), _policy(_filters()))
    assert (fact.fields["jailbreakMet"], fact.fields["profanityMet"]) == (True, True)


@pytest.mark.parametrize(
    ("policy", "kind"),
    [(None, "none"), ("", "none"), ("Microsoft.Default", "system"), ("gone", "dangling"), ("theirs", "other-account")],
)
def test_only_a_custom_policy_of_the_same_account_is_bound(
    judge: Callable[..., Derived], policy: str | None, kind: str
) -> None:
    other = _policy(_filters(), "theirs", ACCOUNT.replace("oai", "other"))
    fact = judge(_deployment(policy), _policy(_filters()), other)
    assert (fact.fields["policyKind"], fact.fields["policyBound"]) == (kind, False)


def test_policies_that_could_not_be_listed_leave_everything_unknown(judge: Callable[..., Derived]) -> None:
    gap = Gap(ACCOUNT, POLICIES, "forbidden")
    fact = judge(_deployment(), gaps=[gap])
    assert {"policyBound", "policyKind", "harmMet", "jailbreakMet", "mode"} <= set(fact.uncollected)
    assert judge(_deployment("Microsoft.Default"), gaps=[gap]).fields["policyBound"] is False


@pytest.mark.parametrize(("model", "exempt"), [("Whisper", True), ("text-embedding-ada-002", True), ("gpt-4", False)])
def test_models_are_exempt_by_pattern(judge: Callable[..., Derived], model: str, *, exempt: bool) -> None:
    assert judge(_deployment(model=model)).fields["exempt"] is exempt


def test_declared_extended_filters_are_asked_for(judge: Callable[..., Derived]) -> None:
    parameters = {"content_filter": {"extended": ["Indirect Attack"]}}
    assert judge(_deployment(), _policy(_filters()), parameters=parameters).fields["extendedMet"] is False
    blocked = [*_filters(), _entry("indirect_attack", "Prompt", None)]
    assert judge(_deployment(), _policy(blocked), parameters=parameters).fields["extendedMet"] is True


def test_policies_based_on_each_other_end(judge: Callable[..., Derived]) -> None:
    fact = judge(_deployment("a"), _policy([], "a", basePolicyName="b"), _policy([], "b", basePolicyName="a"))
    assert "harmMet" in fact.uncollected


def test_a_policy_without_deployments_is_unused(make: Make, facts_of: FactsOf) -> None:
    context = make([_deployment(), _policy(_filters()), _policy(_filters(), "spare")])
    found = facts_of(ANALYSIS, context, "content_filter.policy")
    assert {fact.fields["name"]: fact.fields["used"] for fact in found} == {"strict": True, "spare": False}


@given(st.permutations(_filters()), st.sampled_from(["Low", "Medium", "High"]))
def test_a_second_entry_never_makes_a_policy_stricter(filters: list[Body], threshold: str) -> None:
    def strictness(entries: list[Body]) -> int:
        found = content_policy.effective({"strict": Resource.of(_policy(entries))}, "strict", "hate", "Prompt")
        assert found.strictness is not None
        return found.strictness

    assert strictness([*filters, _entry("hate", "Prompt", threshold)]) <= strictness(filters)


def _asked(entries: list[Body], base: str | None = None) -> int | None:
    body = _policy(entries, **({} if base is None else {"basePolicyName": base}))
    return content_policy.effective({"strict": Resource.of(body)}, "strict", "hate", "Prompt").strictness


@given(
    st.lists(st.tuples(st.sampled_from(["Prompt", "Completion", None]), st.sampled_from(["Low", "High"])), max_size=4)
)
def test_an_entry_that_does_not_say_what_it_is_for_may_be_for_anything(drawn: list[tuple[str | None, str]]) -> None:
    """Whatever sources one tries in place of those that are not stated: known is what comes out for all of them alike."""
    entries = [_entry("hate", source or "", threshold) for source, threshold in drawn]
    for entry in entries:
        entry["source"] = entry["source"] or None
    open_ones = [place for place, (source, _) in enumerate(drawn) if source is None]
    tried = set()
    for sources in itertools.product(["Prompt", "Completion"], repeat=len(open_ones)):
        filled = [dict(entry) for entry in entries]
        for place, source in zip(open_ones, sources, strict=True):
            filled[place]["source"] = source
        tried.add(_asked(filled, "Microsoft.DefaultV2"))

    found = _asked(entries, "Microsoft.DefaultV2")

    assert found is None or tried == {found}
    assert found is not None or len(tried) > 1


@pytest.mark.parametrize("lacks", ["source", "name"])
def test_a_filter_without_a_source_or_category_is_not_taken_for_absent(
    judge: Callable[..., Derived], lacks: str
) -> None:
    fact = judge(_deployment(), _policy([{k: v for k, v in one.items() if k != lacks} for one in _filters()]))

    assert {"harmMet", "jailbreakMet", "profanityMet"} <= set(fact.uncollected)


def test_what_a_block_list_looks_at_and_whether_it_blocks_is_not_guessed(judge: Callable[..., Derived]) -> None:
    fact = judge(_deployment(), _policy(_filters(), customBlocklists=[{"blocklistName": "swears"}]))

    assert {"blocklists[0].source", "blocklists[0].blocking"} <= set(fact.uncollected)
