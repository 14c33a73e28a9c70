"""Judge an estate against the rules in force, part by part: pure, the same inputs give the same findings."""

from __future__ import annotations

import logging
from collections import defaultdict, deque
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import repeat
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from auditor import resource_id as ids
from auditor.analysis.contract import Analysis, Context, Unlisted
from auditor.analysis.fact import Fact, FieldNames
from auditor.architecture.workloads import Workloads
from auditor.engine.dispatch import SubjectIndex
from auditor.engine.findings import message
from auditor.engine.findings.finding import Controls, FactFiling, SubjectInfo, finding_of, info_of, without_subject
from auditor.engine.findings.raw_inputs import RawInputs
from auditor.engine.memo.memo import Places, Reading
from auditor.engine.memo.remembered_rule import RememberedRule, ResourceCase
from auditor.engine.memo.shared_answers import KnownSubject, SharedAnswers
from auditor.engine.memo.template import Answer
from auditor.engine.subjects import OWN_ID, FactSubject, MemorableSubject, ResourceSubject, UnseenFact, UnseenSubject
from auditor.engine.verdict import Verdict, context_of, decide, judge
from auditor.estate.completeness import NOT_IN_EXPORT, Missing
from auditor.estate.graph import Estate
from auditor.estate.service_relations import DIAGNOSTIC_SETTINGS
from auditor.language.ast import Condition, Leaf
from auditor.language.environment import Environment, Subject
from auditor.language.evaluate import evaluate
from auditor.language.explain import because
from auditor.model import Evidence, Finding, Gap, Resource, Status
from auditor.rulebook.in_force import RuleInForce, RuleSet
from auditor.rulebook.rule import Applies, OnComponent, OnFact, OnType
from auditor.truth import Truth

EVERYWHERE: Final = "/"
DERIVED: Final = "derived"
"""The source of what an analysis worked out; what it worked from stands beside it, as input."""
ROWS_OF_A_PART: Final = 1_000  # of a type in a part
_FACTS: Final = 1_000  # of a kind that all rules on it are asked of together
_COST_OF_ANALYSIS: Final = 4  # times that of rules on the resources that it reads
_LOGGER: Final = logging.getLogger(__name__)


class Evaluation(Struct, frozen=True):
    """All that findings depend on: what is judged, by what, and whether passes need their evidence."""

    context: Context
    rules: RuleSet
    explain_passes: bool = True

    @property
    def estate(self) -> Estate:
        """Return the estate that is judged."""
        return self.context.estate

    @property
    def workloads(self) -> Workloads:
        """Return the workloads of the estate."""
        return self.context.workloads


class EvaluationPart(Struct, frozen=True):
    """A part of what is to be judged, which needs the answers of no other.

    `weight` says about how much there is to look at, so that the longest can begin first. Parts of several states of an
    estate that have one `place` are about the same; `findings` is given the view of the estate that is judged.
    """

    place: tuple[str, ...]
    name: str
    weight: int
    findings: Callable[[EstateView], Iterable[Finding]]


class EstateView(Struct, frozen=True):
    """What is judged, as parts look at it, with what is remembered from one part to the next.

    `rows` returns some resources of a type, of which it is given the first one's place, as they are seen here. `shared` is
    what several states share, where there are several.
    """

    question: Evaluation
    raw_inputs: RawInputs
    memory: MemoryOfType
    rows: Callable[[Sequence[Resource], str, int], Sequence[Resource]]
    shared: SharedAnswers | None = None

    @classmethod
    def of(
        cls,
        question: Evaluation,
        raw_inputs: RawInputs,
        rows: Callable[[Sequence[Resource], str, int], Sequence[Resource]] = lambda rows, _type, _first: rows,
    ) -> EstateView:
        """Return what nothing is remembered of yet."""
        return cls(question, raw_inputs, MemoryOfType(question), rows)


def parts_of(question: Evaluation) -> Sequence[EvaluationPart]:
    """Return what is to be judged: components, analyses, rows of each type, and what was not seen, in this order."""
    on_facts: dict[str, list[tuple[RuleInForce, OnFact]]] = defaultdict(list)
    on_types: list[tuple[RuleInForce, OnType]] = []
    parts: list[EvaluationPart] = []
    for rule in question.rules.in_force:
        match rule.applies:
            case OnFact(kind=kind) as applies:
                on_facts[kind].append((rule, applies))
            case OnComponent() as applies:
                judge = partial(_component_findings, rule, applies)
                place = ("component", rule.id)
                parts.append(EvaluationPart(place, rule.rule.title, len(question.workloads.all), judge))
            case OnType() as applies:
                on_types.append((rule, applies))
    analyses = {question.rules.analyses[kind].name: question.rules.analyses[kind] for kind in sorted(on_facts)}
    for analysis in analyses.values():
        read = sum(len(question.estate.of_type(name)) for name in analysis.reads)
        derive = partial(_analysis_findings, analysis, on_facts)
        name = f"the analysis {analysis.name}"
        parts.append(EvaluationPart(("analysis", analysis.name), name, _COST_OF_ANALYSIS * read, derive))
    return [*parts, *_type_parts(on_types, question)]


def _analysis_findings(
    analysis: Analysis, rules: Mapping[str, Sequence[tuple[RuleInForce, OnFact]]], view: EstateView
) -> Iterator[Finding]:
    """Judge facts, kind by kind and some at a time: what is made of them to judge them is let go with them."""
    question = view.question
    filing = FactFiling(question.estate, question.workloads)
    for kind, derived in _derived(analysis, question):
        places = Places()
        asked = [(_remembered(rule, places, question), applies) for rule, applies in rules.get(kind, ())]
        facts, met = derived.facts if asked else deque(), set[str]()
        while some := [facts.popleft() for _ in range(min(_FACTS, len(facts)))]:
            cases = _Cases(some, places, view.raw_inputs, filing, view.shared)
            for rule, applies in asked:
                for finding in _fact_findings(rule, applies, cases):
                    met.add(rule.rule.id)
                    yield finding
        for rule, applies in asked:
            yield from _beside_facts(rule.rule, applies, derived, question, met=rule.rule.id in met)


def _type_parts(rules: Sequence[tuple[RuleInForce, OnType]], question: Evaluation) -> Iterator[EvaluationPart]:
    """Judge each resource by all rules on its type at once, so that what its findings share is found out once."""
    by_type: dict[str, list[RuleInForce]] = defaultdict(list)
    for rule, applies in rules:
        for name in applies.types:
            by_type[name.lower()].append(rule)
    for resource_type, asked in sorted(by_type.items()):
        resources = question.estate.judged(resource_type)
        for first in range(0, len(resources), ROWS_OF_A_PART):
            rows = resources[first : first + ROWS_OF_A_PART]
            judge = partial(_resource_findings, rows, resource_type, first, asked)
            name = f"{len(rows)} resources of type {resource_type}"
            yield EvaluationPart(("type", resource_type, str(first)), name, len(rows), judge)
    unseen = partial(_unseen_of_types, rules, by_type)
    yield EvaluationPart(("unseen",), "what was not seen", len(rules), unseen)


class MemoryOfType:
    """What the rules on a type said so far. Rows of one type mostly come one after the other: no other's is kept."""

    def __init__(self, question: Evaluation) -> None:
        self._question = question
        self._type = ""
        self._remembered: Sequence[RememberedRule] = ()
        self._places = Places()

    def rules(self, resource_type: str, asked: Sequence[RuleInForce]) -> tuple[Sequence[RememberedRule], Places]:
        """Return the rules on a type with what they said, and the places that they read."""
        if resource_type != self._type:
            self._type, self._places = resource_type, Places()
            self._remembered = [_remembered(rule, self._places, self._question) for rule in asked]
        return self._remembered, self._places


def _resource_findings(
    resources: Sequence[Resource], resource_type: str, first: int, asked: Sequence[RuleInForce], view: EstateView
) -> Iterator[Finding]:
    question, shared = view.question, view.shared
    rules, places = view.memory.rules(resource_type, asked)
    for resource in view.rows(resources, resource_type, first):
        reading = Reading(ResourceSubject(resource, question.estate), places)
        role = question.workloads.role_of(resource.key)
        case = ResourceCase(reading, info_of(resource, *role, question.estate))
        known = None if shared is None else shared.of_resource(resource, reading.doubts, role)
        found = (rule.finding(case) if known is None else known.finding(rule, case) for rule in rules)
        yield from (finding for finding in found if finding is not None)


def _unseen_of_types(
    rules: Sequence[tuple[RuleInForce, OnType]], by_type: Mapping[str, Sequence[RuleInForce]], view: EstateView
) -> Iterator[Finding]:
    """Yield what rules on types say of what was not seen, and which of them met nothing."""
    question = view.question
    unseen: dict[str, list[Finding]] = {rule.id: [] for rule, _ in rules}
    for resource_type, asked in sorted(by_type.items()):
        for missing in question.estate.missing(resource_type):
            for rule in asked:
                unseen[rule.id] += _unseen_findings(rule, missing, question)
    for rule, applies in rules:
        found = unseen[rule.id]
        yield from found
        met = bool(found) or any(question.estate.has_judged(name) for name in applies.types)
        yield from _unmet(rule, applies.types, question, met=met)


def _unseen_findings(rule: RuleInForce, missing: Missing, question: Evaluation) -> Iterator[Finding]:
    """Yield an unknown where a rule may apply to something that a resource must or may have and that was not seen."""
    unseen = UnseenSubject(missing)
    if _may_apply(rule, unseen, question):
        yield _missing(rule, missing.gap, question, _controls(rule, unseen, question))


def _may_apply(rule: RuleInForce, subject: Subject, question: Evaluation) -> bool:
    """Whether a rule may apply to a subject of which next to nothing is known."""
    when = rule.applies.when
    try:
        return when is None or evaluate(when, _environment(rule, subject, question)) is not Truth.NO
    except Exception:  # never fail open: a rule that raises may apply
        _LOGGER.debug("rule %s failed on %s", rule.id, subject.id, exc_info=True)
        return True


class _Derived(Struct, frozen=True):
    """The facts of one kind, each taken from there by whoever judges it, or why its analysis failed."""

    facts: deque[Fact] = field(default_factory=deque)
    unlisted: Sequence[Unlisted] = ()
    error: str | None = None


class _Case:
    """A fact as all rules on its kind meet it; what only findings need is found out at the first of them."""

    __slots__ = ("_filing", "_info", "_inputs", "_raw_inputs", "fact", "known", "reading")

    def __init__(
        self, fact: Fact, reading: Reading, raw_inputs: RawInputs, filing: FactFiling, known: KnownSubject | None = None
    ) -> None:
        self.fact = fact
        self.known = known
        self.reading = reading
        self._raw_inputs = raw_inputs
        self._filing = filing
        self._info: SubjectInfo | None = None
        self._inputs: Sequence[Evidence] | None = None

    @property
    def info(self) -> SubjectInfo:
        """What its findings are filed under."""
        if self._info is None:
            self._info = self._filing.info(self.fact)
        return self._info

    @property
    def inputs(self) -> Sequence[Evidence]:
        """What it was derived from."""
        if self._inputs is None:
            self._inputs = self._raw_inputs.of(self.fact)
        return self._inputs


class _Cases:
    """Some facts of a kind, of which each rule meets those that its `where` may hold of; all rules are known by now.

    Of a fact nothing is made but the fields that some rule reads. `shared` is what is known of each from another state.
    """

    def __init__(
        self,
        facts: Sequence[Fact],
        places: Places,
        raw_inputs: RawInputs,
        filing: FactFiling,
        shared: SharedAnswers | None,
    ) -> None:
        read = places.first_names()
        named: dict[type[Fact], FieldNames] = {}
        self._cases: list[_Case] = []
        known = repeat(None) if shared is None else shared.of_facts(facts)
        for fact, before in zip(facts, known, strict=False):
            fields = named.get(type(fact))
            if fields is None:
                fields = named[type(fact)] = [pair for pair in (*fact.json_names, OWN_ID) if pair[1].lower() in read]
            reading = Reading(FactSubject(fact, filing.estate, fields), places)
            self._cases.append(_Case(fact, reading, raw_inputs, filing, before))
        self._index = SubjectIndex([case.reading.subject for case in self._cases])

    def about(self, where: Condition | None) -> Iterator[_Case]:
        """Yield the facts of which a `where` may not be false, in order, and perhaps others."""
        return (self._cases[place] for place in self._index.candidates(where))


def _derived(analysis: Analysis, question: Evaluation) -> Iterator[tuple[str, _Derived]]:
    """Run an analysis, and yield the facts of each kind as soon as there are all of them: they are many, and not held here.

    One that raises takes down the rules on those of its own facts of which there may be more, and no others.
    """
    by_kind: dict[str, list[Fact]] = {kind.fact_kind: [] for kind in analysis.kinds}
    unlisted: Sequence[Unlisted] = ()
    error: str | None = None
    last = ""

    def derived(kind: str) -> _Derived:
        if error is not None:
            return _Derived(error=error)
        facts = deque(sorted(by_kind.pop(kind), key=lambda fact: fact.id))
        return _Derived(facts, [one for one in unlisted if one.kind == kind])

    try:
        unlisted = list(analysis.unlisted(question.context))
        for fact in analysis.run(question.context):
            if analysis.is_by_kind and last not in {"", fact.fact_kind}:
                yield last, derived(last)
            last = fact.fact_kind
            by_kind[last].append(fact)
    except Exception as problem:  # never fail open: the rules on these facts become unknown
        _LOGGER.debug("analysis %s failed", analysis.name, exc_info=True)
        error = f"analysis {analysis.name} failed: {type(problem).__name__}: {problem}"
    for kind in sorted({*by_kind, last} - {""}):  # the last is no more among them where it came too late
        yield kind, derived(kind)


def _environment(rule: RuleInForce, subject: Subject, question: Evaluation) -> Environment:
    return Environment(subject, subject, rule.parameters, question.context.now)


class _Reference(Struct, frozen=True):
    """The reference evaluator with a rule in its hands."""

    rule: RuleInForce
    question: Evaluation

    def answer(self, subject: MemorableSubject) -> Answer | None:
        """Return what the rule says of a subject, but for its context; None where it is not about it. It may raise."""
        about = _is_about(self.rule, subject, self.question)
        if about is Truth.NO:
            return None
        environment = _environment(self.rule, subject, self.question)
        explains = self.question.explain_passes
        verdict = decide(self.rule.rule, environment, explain_passes=explains, about=about)
        return self._answer(verdict, subject, about)

    def holds(self, leaf: Leaf, subject: MemorableSubject) -> Truth:
        """Return whether a comparison of the rule holds of a subject, or of one that it is related to."""
        return evaluate(leaf, _environment(self.rule, subject, self.question))

    def judged(self, subject: MemorableSubject) -> Answer | None:
        """Return all that the rule says of a subject; what raises is unknown."""
        about = _is_about(self.rule, subject, self.question)
        if about is Truth.NO:
            return None
        return self._answer(_ask(self.rule, subject, self.question, about), subject, about)

    def _answer(self, verdict: Verdict, subject: Subject, about: Truth) -> Answer:
        rule, question = self.rule, self.question
        if about is Truth.UNKNOWN:
            verdict = _doubted(rule, subject, verdict, question)
        if isinstance(rule.applies, OnFact):
            verdict = replace(verdict, evidence=[_derived_leaf(leaf, subject.id) for leaf in verdict.evidence])
        return Answer(verdict, _controls(rule, subject, question))

    def context(self, subject: MemorableSubject) -> Sequence[Evidence]:
        """Return what the rule shows beside its conditions. It may raise."""
        leaves = context_of(self.rule.rule, _environment(self.rule, subject, self.question))
        if isinstance(self.rule.applies, OnFact):
            return [_derived_leaf(leaf, subject.id) for leaf in leaves]
        return leaves


def _remembered(rule: RuleInForce, places: Places, question: Evaluation) -> RememberedRule:
    return RememberedRule(rule, places, _Reference(rule, question), shows_inputs_of_passes=question.explain_passes)


def _ask(rule: RuleInForce, subject: Subject, question: Evaluation, about: Truth | None = None) -> Verdict:
    """Return what a rule says of a subject; `about` is the truth of its `where`, where that was asked before."""
    environment = _environment(rule, subject, question)
    try:
        return judge(rule.rule, environment, explain_passes=question.explain_passes, about=about)
    except Exception as problem:  # never fail open: a rule that raises is unknown, and says so
        _LOGGER.debug("rule %s failed on %s", rule.id, subject.id, exc_info=True)
        return Verdict(Status.UNKNOWN, errors=(f"{type(problem).__name__}: {problem}",))


def _component_findings(rule: RuleInForce, applies: OnComponent, view: EstateView) -> Iterator[Finding]:
    question = view.question
    of_components = (question.rules.components.get(name, ()) for name in applies.components)
    types = {name.lower() for name in applies.types or [name for names in of_components for name in names]}
    met: set[str] = set()
    places = Places()
    remembered = _remembered(rule, places, question)
    for workload in question.workloads.all:
        for component, resource in ((name, one) for name in applies.components for one in workload.resources(name)):
            if resource.key in met or (applies.types and resource.type_key not in types):
                continue  # a shared resource is judged once, and names the first of its workloads
            met.add(resource.key)
            reading = Reading(ResourceSubject(resource, question.estate), places)
            case = ResourceCase(reading, info_of(resource, workload.name, component, question.estate))
            if (finding := remembered.finding(case)) is not None:
                yield finding
    unread = list(_unread_candidates(types, met, question.estate))
    yield from (_missing(rule, gap, question) for gap in unread)
    yield from _unmet(rule, sorted(types), question, met=bool(met or unread))


def _unread_candidates(types: Iterable[str], met: Container[str], estate: Estate) -> Iterator[Gap]:
    """Yield why resources of some types are bound to nothing: nothing of them was read but what they are."""
    for name in sorted(types):
        for resource in estate.unread_of_type(name):
            gap = estate.why_unread(resource.key)
            if gap is not None and resource.key not in met:
                yield gap


def _fact_findings(remembered: RememberedRule, applies: OnFact, cases: _Cases) -> Iterator[Finding]:
    for case in cases.about(applies.where):
        known = case.known
        finding = remembered.finding(case) if known is None else known.finding(remembered, case)
        if finding is not None:
            yield finding


def _beside_facts(
    rule: RuleInForce, applies: OnFact, derived: _Derived, question: Evaluation, *, met: bool
) -> Iterator[Finding]:
    """Yield what a rule says of the facts that there may be besides those that it met, or of why there are none."""
    if (error := derived.error) is not None:
        yield without_subject(rule, Status.UNKNOWN, f"Not known whether: {rule.rule.title}: {error}.", error)
        return
    analysis = question.rules.analyses[applies.kind]
    missing = _missing_subjects(rule, applies, derived.unlisted, question, met=met)
    yield from missing
    if not missing:
        yield from _unmet(rule, sorted(analysis.reads), question, met=met)


def _missing_subjects(
    rule: RuleInForce, applies: OnFact, unlisted: Sequence[Unlisted], question: Evaluation, *, met: bool
) -> Sequence[Finding]:
    """Return one unknown for each gap in a type of which every resource would get a fact that the rule is about.

    That an export holds none of a type is told once, and only where the rule met nothing else.
    """
    gaps: dict[tuple[str, str], tuple[Gap, UnseenFact]] = {}
    subjects = question.rules.analyses[applies.kind].subjects.get(applies.kind, {})
    unseen = [
        (fields, _gaps_of_subjects(resource_type, question.estate))
        for resource_type, alike in subjects.items()
        for fields in alike
    ]
    for fields, reasons in [*unseen, *((one.fields, [one.gap]) for one in unlisted)]:
        if not reasons:
            continue
        unseen_fact = UnseenFact(applies.kind, fields, reasons[0])
        if _is_about(rule, unseen_fact, question) is not Truth.NO:
            gaps |= {(ids.key(gap.scope), gap.what.lower()): (gap, unseen_fact) for gap in reasons}
    placed = [each for each in gaps.values() if each[0].scope != EVERYWHERE or each[0].reason != NOT_IN_EXPORT]
    told = placed if placed or met else list(gaps.values())[:1]
    return [_missing(rule, gap, question, _controls(rule, unseen_fact, question)) for gap, unseen_fact in told]


def _gaps_of_subjects(resource_type: str, estate: Estate) -> Sequence[Gap]:
    """Return why there may be resources of a type that are not here: declared gaps, parents without, none at all."""
    gaps = [*estate.gaps_in(resource_type), *(missing.gap for missing in estate.missing(resource_type))]
    if not gaps and not estate.has_judged(resource_type) and (gap := estate.type_gap(resource_type)):
        return [gap]
    return gaps


def _missing(rule: RuleInForce, gap: Gap, question: Evaluation, controls: Controls | None = None) -> Finding:
    """Return the unknown of a rule for what was not seen, filed at what it belongs to where that is here."""
    controls = _all_controls(rule) if controls is None else controls
    text = message.undecided(rule.rule.title, [gap], ())
    owner = question.estate.resource(gap.scope)
    if owner is None:
        return without_subject(rule, Status.UNKNOWN, text, f"{gap.what}: {gap.reason}", gap=gap, controls=controls)
    info = info_of(owner, *question.workloads.role_of(owner.key), question.estate, sub_object=gap.what)
    return finding_of(rule, Verdict(Status.UNKNOWN, gaps=(gap,)), info, controls)


def _all_controls(rule: RuleInForce) -> Controls:
    """Return the controls that a finding answers of which it is not known what it is about."""
    return rule.rule.controls if rule.answers.depending else rule.answers.always


def _controls(rule: RuleInForce, subject: Subject, question: Evaluation) -> Controls:
    """Return the controls that a finding answers: of those that depend on the subject, all that may be about it."""
    answers = rule.answers
    if not answers.depending:
        return answers.always
    about = {name: list(ids) for name, ids in answers.always.items()}
    environment = _environment(rule, subject, question)
    for framework, control, conditions in answers.depending:
        if any(evaluate(condition, environment) is not Truth.NO for condition in conditions):
            about.setdefault(framework, []).append(control)
    return about


def _is_about(rule: RuleInForce, subject: Subject, question: Evaluation) -> Truth:
    """Whether a rule is about a subject: of a rule on facts, its `where` says so."""
    where = rule.applies.where if isinstance(rule.applies, OnFact) else None
    return Truth.YES if where is None else evaluate(where, _environment(rule, subject, question))


def _doubted(rule: RuleInForce, subject: Subject, verdict: Verdict, question: Evaluation) -> Verdict:
    """Return the verdict on a fact that a rule is only perhaps about: what it says of that does not count."""
    where = rule.applies.where if isinstance(rule.applies, OnFact) else None
    if where is None or verdict.status is Status.NOT_APPLICABLE:
        return verdict
    doubt = because(where, _environment(rule, subject, question), Truth.UNKNOWN)
    evidence = (*doubt.evidence, *verdict.evidence)
    return Verdict(Status.UNKNOWN, evidence, doubt.gaps, doubt.errors, told=verdict.told)


def _derived_leaf(leaf: Evidence, subject: str) -> Evidence:
    """Say of a field of a fact that it was derived, and read nowhere."""
    return replace(leaf, source=DERIVED) if leaf.resource_id == subject else leaf


def _unmet(rule: RuleInForce, types: Iterable[str], question: Evaluation, *, met: bool) -> Iterator[Finding]:
    """Report what a rule could not meet: one unknown for each gap in its types, or that there is nothing to judge."""
    estate = question.estate
    listed = sorted({name.lower() for name in types})
    known = [gap for name in listed for gap in estate.gaps_in(name)]
    unread = [gap for gap in known if estate.judged_type(gap.scope) not in listed]
    gaps = list({(ids.key(gap.scope), gap.what.lower()): gap for gap in unread}.values())
    if not met and not gaps:
        gaps = [gap for name in listed for gap in estate.named_only(name)]
        gaps = gaps or [gap for name in listed if (gap := estate.type_gap(name)) and gap.scope == EVERYWHERE][:1]
        gaps = gaps or (estate.inventory_gaps()[:1] if DIAGNOSTIC_SETTINGS in listed else [])
        gaps = gaps or list(_unread_candidates({*listed, *_bound_types(rule, question)}, (), estate))
    if not isinstance(rule.applies, OnFact):
        yield from (_missing(rule, gap, question) for gap in gaps)
        if gaps:
            return
    elif gaps and not met:
        yield _missing(rule, gaps[0], question)
        return
    if not met:
        yield without_subject(rule, Status.NOT_APPLICABLE, _nothing(rule.applies, question), None)


def _bound_types(rule: RuleInForce, question: Evaluation) -> Iterator[str]:
    """Yield the types of all components for a rule on facts: what one of them leads to is known by its properties only."""
    if isinstance(rule.applies, OnFact):
        yield from (name.lower() for types in question.rules.components.values() for name in types)


def _nothing(applies: Applies, question: Evaluation) -> str:
    where = "" if question.estate.complete else f" ({NOT_IN_EXPORT})"
    if isinstance(applies, OnFact):
        return f"Does not apply: nothing to judge, the estate holds nothing that this rule is about{where}."
    what = " or ".join(applies.types)
    if isinstance(applies, OnComponent) and not what:
        kind = "capability" if applies.capability else "component"
        what = f"resource bound to {kind} '{applies.called}'"
    types = {name.lower() for name in applies.types}
    roles = sorted(
        name for name, listed in question.rules.components.items() if types & {one.lower() for one in listed}
    )
    missing = [name for name in roles if any(not workload.resources(name) for workload in question.workloads.all)]
    pointer = f" See the finding on the missing component '{missing[0]}'." if missing else ""
    return f"Does not apply: nothing to judge, no {what} in the estate{where}.{pointer}"
