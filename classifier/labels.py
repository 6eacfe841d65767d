"""The labels in the order of the model's outputs. A shipped model's manifest must agree."""

from tidings.types import SENTIMENTS

SENTIMENT_LABELS: tuple[str, ...] = SENTIMENTS
TOPIC_LABELS: tuple[str, ...] = (
    "Analyst Update",
    "Fed | Central Banks",
    "Company | Product News",
    "Treasuries | Corporate Debt",
    "Dividend",
    "Earnings",
    "Energy | Oil",
    "Financials",
    "Currencies",
    "General News | Opinion",
    "Gold | Metals | Materials",
    "IPO",
    "Legal | Regulation",
    "M&A | Investments",
    "Macro",
    "Markets",
    "Politics",
    "Personnel Change",
    "Stock Commentary",
    "Stock Movement",
)

# Where each head's values lie in the network's output of shape (texts, 3 + 20).
HEADS: dict[str, slice] = {
    "sentiment": slice(0, len(SENTIMENT_LABELS)),
    "topic": slice(len(SENTIMENT_LABELS), len(SENTIMENT_LABELS) + len(TOPIC_LABELS)),
}
