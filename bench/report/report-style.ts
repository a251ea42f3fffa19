// The look of the report: system fonts, colours that differ in lightness as well as in hue, light and dark.

export const REPORT_STYLE = `
:root { color-scheme: light dark; --text: #1c2430; --soft: #5a6675; --line: #d5dbe3; --back: #ffffff; --card: #f5f7fa;
  --ours: #0b62c4; --ca: #c2570c; --karpenter: #0f7b55; --bad: #b3261e; --good: #0f7b55; }
@media (prefers-color-scheme: dark) { :root { --text: #e6eaf0; --soft: #9aa7b6; --line: #343d49; --back: #12161c;
  --card: #1a2028; --ours: #6cb2ff; --ca: #f5a05a; --karpenter: #56cf9f; --bad: #ff8a80; --good: #56cf9f; } }
body { margin: 0; background: var(--back); color: var(--text); font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 24px 20px 60px; }
h1 { font-size: 26px; margin: 0 0 4px; } h2 { font-size: 18px; margin: 34px 0 4px; }
p { margin: 4px 0 10px; } .where { color: var(--soft); }
.warning { border-left: 4px solid var(--ca); padding: 6px 12px; background: var(--card); }
.legend { display: flex; flex-wrap: wrap; gap: 6px 22px; padding: 10px 14px; background: var(--card); border-radius: 8px; }
.legend span { display: inline-flex; align-items: center; gap: 7px; } .key { width: 16px; height: 16px; }
svg[role=img] { width: 100%; height: auto; display: block; }
svg text { fill: var(--text); font: 12px system-ui, "DejaVu Sans", sans-serif; font-variant-numeric: tabular-nums; }
svg .tick, svg .axis, svg .note { fill: var(--soft); } svg .grid { stroke: var(--line); } svg .row { stroke: var(--line); stroke-dasharray: 1 4; }
.mark { stroke: var(--back); stroke-width: 1.2; } .ours { fill: var(--ours); }
.ours-first { fill: none; stroke: var(--ours); stroke-width: 2.4; } .ca { fill: var(--ca); } .karpenter { fill: var(--karpenter); }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: 12.5px; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 7px; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child, th:last-child, td:last-child { text-align: left; }
th { color: var(--soft); font-weight: 600; } .met { color: var(--good); } .missed { color: var(--bad); white-space: normal; min-width: 150px; }
`;
