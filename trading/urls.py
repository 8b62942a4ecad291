"""Routes of the trader, below /api/."""

from django.urls import path

from trading import account_api, api, book_api, ledger_api, manual_api
from trading.options.api import ChainView

urlpatterns = [
    path("start-trading", api.StartTrading.as_view(), name="api-start-trading"),
    path("stop-trading", api.StopTrading.as_view(), name="api-stop-trading"),
    path("flatten", api.Flatten.as_view(), name="api-flatten"),
    path("halt", api.Halt.as_view(), name="api-halt"),
    path("resume", api.Resume.as_view(), name="api-resume"),
    path("manual-trigger", api.ManualTrigger.as_view(), name="api-manual-trigger"),
    path("ema-manual-trigger", api.ManualTrigger.as_view(strategy="ema"), name="api-ema-manual-trigger"),
    path("trading-status", ledger_api.TradingStatus.as_view(), name="api-trading-status"),
    path("positions", ledger_api.Positions.as_view(), name="api-positions"),
    path("trades", ledger_api.Trades.as_view(), name="api-trades"),
    path("paper-trades", ledger_api.Trades.as_view(trade_type="paper"), name="api-paper-trades"),
    path("paper-trades/stats", ledger_api.TradeStatistics.as_view(trade_type="paper"), name="api-paper-stats"),
    path("real-trades", ledger_api.Trades.as_view(trade_type="real"), name="api-real-trades"),
    path("real-trades/stats", ledger_api.TradeStatistics.as_view(trade_type="real"), name="api-real-stats"),
    path("orders", manual_api.Orders.as_view(), name="api-orders"),
    path("orders/form", manual_api.OrderForm.as_view(), name="api-order-form"),
    path("orders/times", manual_api.OrderTimes.as_view(), name="api-order-times"),
    path("orders/plan", manual_api.PreviewEntry.as_view(), name="api-plan-order"),
    path("orders/preview", account_api.PreviewOrders.as_view(), name="api-preview-orders"),
    path("reconciliation", account_api.Reconciliation.as_view(), name="api-reconciliation"),
    path("reconciliation/accept", account_api.AcceptDifferences.as_view(), name="api-accept-differences"),
    path("adjustments", account_api.Adjustments.as_view(), name="api-adjustments"),
    path("alarms", account_api.Alarms.as_view(), name="api-alarms"),
    path("orders/<str:client_id>/cancel", api.CancelOrder.as_view(), name="api-cancel-order"),
    path("orders/<str:client_id>/replace", manual_api.ReplaceOrder.as_view(), name="api-replace-order"),
    path("positions/exits", manual_api.SetExits.as_view(), name="api-set-exits"),
    path("commands", manual_api.Commands.as_view(), name="api-commands"),
    path("commands/<str:command_id>", manual_api.CommandStatus.as_view(), name="api-command"),
    path("books/<slug:book>/rules", book_api.Rules.as_view(), name="api-book-rules"),
    path("books/<slug:book>/usage", book_api.Usage.as_view(), name="api-book-usage"),
    path("options/chain/<str:symbol>", ChainView.as_view(), name="api-option-chain"),
    path("decisions", ledger_api.Decisions.as_view(), name="api-decisions"),
]
