"use strict";
// Shows the values of a plot at the pointer, at a finger, or by the arrow keys.
for (const figure of document.querySelectorAll("figure[data-readout]")) {
	const series = JSON.parse(figure.dataset.readout);
	if (series.length === 0) continue;
	const longest = series.reduce((a, b) => (b.x.length > a.x.length ? b : a));
	let shown = -1, box = null, marks = null;

	const nearest = (xs, x) => {
		let best = 0;
		for (let i = 1; i < xs.length; i++) if (Math.abs(xs[i] - x) < Math.abs(xs[best] - x)) best = i;
		return best;
	};
	const hide = () => {
		box?.remove();
		marks?.remove();
		box = marks = null;
		shown = -1;
	};
	const element = (name, attributes) => {
		const e = document.createElementNS("http://www.w3.org/2000/svg", name);
		for (const [key, value] of Object.entries(attributes)) e.setAttribute(key, value);
		return e;
	};
	const show = (svg, index) => {
		if (index === shown && marks?.parentNode === svg) return;
		hide();
		shown = index;
		const [left, top, width, height] = svg.dataset.box.split(" ").map(Number);
		const x = longest.x[index];
		marks = element("g", {});
		marks.append(element("path", { class: "guide", d: `M${left + x * width} ${top}v${height}` }));
		box = document.createElement("div");
		box.className = "readout";
		const title = document.createElement("b");
		title.textContent = longest.h[index];
		box.append(title);
		for (const s of series) {
			const i = nearest(s.x, x);
			// A value of somewhere else is none of here.
			if (Math.abs(s.x[i] - x) > 0.75 / Math.max(longest.x.length, 2) && s !== longest) continue;
			const line = document.createElement("div"), dot = document.createElement("i"), value = document.createElement("span");
			line.className = s.c;
			value.textContent = s.t[i];
			line.append(dot, s.n, value);
			box.append(line);
			if (s.y[i] !== null) {
				const mark = element("g", { class: s.c });
				mark.append(element("circle", { class: "dot", r: 4.5, cx: left + s.x[i] * width, cy: top + (1 - s.y[i]) * height }));
				marks.append(mark);
			}
		}
		svg.append(marks);
		figure.append(box);
		const drawn = svg.getBoundingClientRect(), outer = figure.getBoundingClientRect();
		const scale = drawn.width / svg.viewBox.baseVal.width, at = (left + x * width) * scale;
		const space = 14, fits = at + space + box.offsetWidth <= outer.width;
		box.style.left = `${fits ? at + space : Math.max(0, at - space - box.offsetWidth)}px`;
		box.style.top = `${drawn.top - outer.top + top * scale + 6}px`;
	};
	for (const svg of figure.querySelectorAll("svg.plot")) {
		svg.tabIndex = 0;
		const follow = (event) => {
			const [left, , width] = svg.dataset.box.split(" ").map(Number);
			const drawn = svg.getBoundingClientRect();
			const x = ((event.clientX - drawn.left) * svg.viewBox.baseVal.width / drawn.width - left) / width;
			if (x < -0.03 || x > 1.03) hide();
			else show(svg, nearest(longest.x, x));
		};
		svg.addEventListener("pointermove", follow);
		svg.addEventListener("pointerdown", follow);
		svg.addEventListener("pointerleave", hide);
		svg.addEventListener("blur", hide);
		svg.addEventListener("keydown", (event) => {
			const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
			if (event.key === "Escape") hide();
			if (step === undefined) return;
			event.preventDefault();
			const last = longest.x.length - 1;
			show(svg, shown < 0 ? (step > 0 ? 0 : last) : Math.min(Math.max(shown + step, 0), last));
		});
	}
}
