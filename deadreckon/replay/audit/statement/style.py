"""How the statement's page looks: light and dark, on paper and on a telephone."""

STYLE = """
:root{--ground:#f6f7f9;--sheet:#fff;--ink:#17202a;--soft:#5b6774;--rule:#dde2e8;--accent:#1b5fa8;
--up:#0a6b45;--down:#b3261e;--bar:#c9d6e6;--l0:#1b5fa8;--l1:#b3541e;--l2:#0a6b45;--l3:#7b3fa0;
--l4:#8a6d00;--l5:#5b6774}
@media(prefers-color-scheme:dark){:root{--ground:#10151b;--sheet:#171d25;--ink:#e6ebf1;
--soft:#9aa7b5;--rule:#2b3440;--accent:#7db4f0;--up:#58c898;--down:#ff8a80;--bar:#33475e;
--l0:#7db4f0;--l1:#f0a36b;--l2:#58c898;--l3:#c79bec;--l4:#e0c34c;--l5:#9aa7b5}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--ground);color:var(--ink);
font:15px/1.45 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main{max-width:1120px;margin:0 auto;padding:1.2rem}
code,.places,dd{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;
font-size:.86em}
header p{margin:0;color:var(--soft);letter-spacing:.04em;text-transform:uppercase;font-size:.78rem}
h1{margin:.1rem 0 .8rem;font-size:1.9rem;line-height:1.15}
h1 small,h2 small{font-weight:400;color:var(--soft);font-size:.62em}
h2{margin:0;font-size:1.02rem}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.15rem 1rem;margin:0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere;align-self:center}
section,figure{background:var(--sheet);border:1px solid var(--rule);border-radius:10px;
padding:.9rem 1rem;margin:0 0 1rem;break-inside:avoid}
section>p,figure>p{margin:.2rem 0 .6rem;color:var(--soft);font-size:.86rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(130px,1fr));gap:.6rem;
margin-top:1.1rem;padding:0;background:none;border:0}
.tiles div{background:var(--sheet);border:1px solid var(--rule);border-radius:10px;
padding:.6rem .8rem;display:flex;flex-direction:column}
.tiles span,.tiles small{color:var(--soft);font-size:.82rem}
.tiles strong{font-size:1.32rem;line-height:1.3;font-variant-numeric:tabular-nums}
.tiles strong span{color:inherit;font-size:inherit}
.checks{list-style:none;margin:0 0 1rem;padding:0;font-size:.92rem}
.checks li{padding:.1rem 0}.good b,.up,.tiles strong .up{color:var(--up)}
.bad,.down,.tiles strong .down{color:var(--down)}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr));gap:1rem;
padding:0;border:0;background:none;break-inside:auto}
figure{margin:0;display:flex;flex-direction:column;min-width:0}
figure>p{margin:.5rem 0 0}
.plot{display:grid;grid-template:170px 1.4em/auto 1fr;column-gap:.5rem;margin-top:.9rem}
.plot svg{width:100%;height:100%;display:block;overflow:visible}
.levels,.below{position:relative;color:var(--soft);font-size:.74rem;
font-variant-numeric:tabular-nums}
.levels{min-width:4.6em}
.levels span{position:absolute;right:0;transform:translateY(-50%);white-space:nowrap}
.below{grid-column:2}
.below span{position:absolute;top:.25em;transform:translateX(-50%);white-space:nowrap}
.grid{stroke:var(--rule);fill:none;vector-effect:non-scaling-stroke}
.zero{stroke:var(--soft);fill:none;vector-effect:non-scaling-stroke}
.line{fill:none;stroke-width:1.7;vector-effect:non-scaling-stroke;stroke-linejoin:round}
.l0{stroke:var(--l0)}.l1{stroke:var(--l1);stroke-dasharray:6 3}
.l2{stroke:var(--l2);stroke-dasharray:2 2}.l3{stroke:var(--l3);stroke-dasharray:9 3 2 3}
.l4{stroke:var(--l4);stroke-dasharray:12 4}.l5{stroke:var(--l5);stroke-dasharray:4 6}
#chart-drawdown .l0{stroke:var(--down)}.area{fill:var(--down);opacity:.16}
svg rect{fill:transparent}svg rect:not(.bar):hover{fill:var(--ink);opacity:.12}
svg rect.worse{fill:var(--l1)}svg rect.better{fill:var(--l0)}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:.2rem 1.1rem;margin:.5rem 0 0;padding:0;
font-size:.84rem}
.legend svg{width:30px;height:6px;margin-right:.4rem;vertical-align:middle}
.amounts{margin-top:.8rem;display:grid;grid-template-columns:max-content 1fr max-content;
gap:.45rem .8rem;align-items:center;font-size:.9rem}
.amount{display:contents}.track{background:var(--rule);border-radius:4px;height:.9rem}
.fill{display:block;height:100%;background:var(--l0);border-radius:4px}
.tables{display:grid;grid-template-columns:1fr 1fr;gap:0 1rem;grid-auto-flow:dense;
align-items:start}
.tables section{grid-column:1/-1;min-width:0}.tables .narrow{grid-column:auto}
#chart-equity{grid-column:1/-1}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.9rem}
th,td{text-align:left;padding:.28rem .6rem;border-bottom:1px solid var(--rule);
vertical-align:baseline}
th{color:var(--soft);font-weight:500;font-size:.8rem;white-space:nowrap}
.n,.time{white-space:nowrap;font-variant-numeric:tabular-nums}.n{text-align:right}
tfoot td{font-weight:600;border-bottom:0;border-top:2px solid var(--rule)}
td:first-child,th:first-child{padding-left:0}td:last-child,th:last-child{padding-right:0}
.more{min-width:16rem;overflow-wrap:anywhere}
details summary{cursor:pointer;color:var(--accent)}
.more summary{color:inherit}
.f{all:unset;cursor:pointer;color:inherit;text-decoration:underline dotted var(--soft);
text-underline-offset:3px}
.f:hover{color:var(--accent)}.f:focus-visible,summary:focus-visible,.wide:focus-visible{
outline:2px solid var(--accent);outline-offset:2px;border-radius:2px}
.piece{color:var(--ink);background:var(--sheet);border:1px solid var(--rule);border-radius:10px;
max-width:min(880px,94vw);max-height:82vh;overflow:auto;padding:.8rem 1rem;font-size:.88rem;
box-shadow:0 12px 40px #0006}
.piece::backdrop{background:#0005}
.piece .close{float:right;font-size:1.1rem;line-height:1;padding:.1rem .3rem;text-decoration:none}
.piece .time{white-space:nowrap}
.piece p{margin:.15rem 0 .5rem}.piece table{font-size:.84rem}.places{overflow-wrap:anywhere}
footer{color:var(--soft);font-size:.86rem}
@media(max-width:560px){main{padding:.7rem}h1{font-size:1.5rem}dl{grid-template-columns:1fr}
dt{margin-top:.35rem}section,figure{padding:.7rem}.tiles{grid-template-columns:1fr 1fr;padding:0}
.tiles strong{font-size:1.08rem}
.charts{padding:0}.charts figure{padding:.7rem}.tables .narrow{grid-column:1/-1}
table{font-size:.8rem}th{font-size:.74rem}th,td{padding:.28rem .3rem}
.piece tr{display:block;padding:.35rem 0;border-bottom:1px solid var(--rule)}
.piece td,.piece td.n{display:inline;border:0;padding:0 .5rem 0 0;white-space:normal}}
@media print{:root{--ground:#fff;--sheet:#fff;--ink:#000;--soft:#444;--rule:#bbb;--up:#000;
--down:#000}main{max-width:none;padding:0}body{font-size:10.5px}section,figure{border-radius:0;
border-width:1px 0 0;padding:.5rem 0}.piece{display:none}.f{text-decoration:none}
.wide{overflow:visible}.charts{grid-template-columns:1fr 1fr}.plot{grid-template-rows:120px 1.4em}
details::details-content{content-visibility:visible;block-size:auto}}
""".replace("\n", "")
