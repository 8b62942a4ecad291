"""`./run manage certify STRATEGY`: does it rest on the past alone? Other futures, prefixes and restarts say."""

from typing import Annotated

from django_typer.management import TyperCommand
from typer import Argument, Exit, Option

from backtest.honesty.certificate import Certificate, certify
from backtest.simulation.options import parse_pairs
from infra.terminal import AsJson, refusals, write_json
from strategies import certificates
from strategies.registry import STRATEGIES, deciding


class Command(TyperCommand):
    """Ends with status 1 unless every strategy that was asked for is certified."""

    help = "Certifies that a strategy's decisions rest on the past alone; the certificate names the code it is for."
    requires_system_checks = ()

    def handle(
        self,
        strategy: Annotated[str, Argument(help="A strategy's key, or all.")],
        param: Annotated[list[str] | None, Option(help="NAME=VALUE of a parameter; may be repeated.")] = None,
        seed: Annotated[int, Option(help="Of the synthetic market, and of where it is cut.")] = 1,
        no_store: Annotated[
            bool, Option("--no-store", help="Do not keep it; real money needs one that is kept.")
        ] = False,
        as_json: AsJson = False,
    ) -> None:
        with refusals():
            params = parse_pairs(param or (), field="param")
            names = deciding() if strategy == "all" else [STRATEGIES.canonical(strategy)]
            found = [certify(name, params, seed=seed) for name in names]
            if not no_store:
                for each in found:
                    certificates.store(each.document())
        if as_json:
            documents = [each.document() for each in found]
            whole = documents if strategy == "all" else documents[0]
            write_json(whole)
        else:
            for each in found:
                self._show(each)
        if not all(each.is_valid for each in found):
            raise Exit(1)

    def _show(self, found: Certificate) -> None:
        self.stdout.write(f"{found.strategy} {found.code}: {found.verdict}")
        self.stdout.write(f"  {found.signals} signals on {found.bars} bars, seed {found.seed}")
        for check in found.checks:
            word = "holds" if check.passed else f"BROKEN {check.detail}"
            self.stdout.write(f"  {check.name}: {check.claim} ({check.tried} tried): {word}")
