"use strict";
// The option that is shown: its roads by form, phases, tie-ins, chainages; the others as thin lines.
realign.option = (function () {
  var groups = {}, rows = {}, phases = [], thin = [];
  var shown = null;
  var DASHES = [null, "9 4", "2 4", "12 4 2 4", "6 2", "1 6", "14 3 6 3"];   // of the other options

  function title(option) { return option.title || option.name; }

  function look(key) { return Object.assign({}, realign.scene.looks[key]); }

  function partRows(road, part) {
    var most = 0, low = Infinity, high = -Infinity;
    for (var s = part[0]; s <= part[1]; s += road.step) {
      var z = road.level(s), over = z - road.ground(s);
      if (Math.abs(over) > Math.abs(most)) { most = over; }
      low = Math.min(low, z);
      high = Math.max(high, z);
    }
    return [
      ["Of the new road", realign.station(part[0]) + " to " + realign.station(part[1])],
      ["Length", realign.km(part[1] - part[0])],
      ["Road level", realign.number(low) + " to " + realign.number(high) + " m"],
      ["At most", realign.number(Math.abs(most), 1) + " m " + (most < 0 ? "under" : "over") + " ground"]
    ];
  }

  function aboutPart(option, link, part) {
    var road = realign.roads[link], form = realign.scene.forms[part[2]];
    var more = (option.rows[link] || []).concat(option.year ? [["The whole option", option.year]] : []);
    var own = option.whole.find(function (piece) { return piece[0] === link; });
    function both(at) { return realign.station(at(part[0])) + " to " + realign.station(at(part[1])); }
    var where = [
      ["From, to", "new chainage " + both(function (s) { return own[3] + s; })],
      ["Existing road beside", both(function (s) { return realign.old.nearest(road.at(s)).s; })]
    ];
    return {
      title: (part[3] || form.name) + " of " + link,
      rows: (part[3] ? [["Structure", form.name]] : []).concat(where, partRows(road, part), more)
    };
  }

  function bound(layer, about, title) {
    layer.bindPopup(function () { return realign.popup(about()); });
    layer.bindTooltip(realign.make("span", title), { sticky: true });
    return layer;
  }

  // Every part of an option's new roads, form by form; `style` changes the looks.
  function drawn(option, pane, style) {
    var out = {};
    realign.scene.forms.forEach(function (form) { out[form.key] = []; });
    option.links.forEach(function (link) {
      var road = realign.roads[link];
      road.parts.forEach(function (part) {
        var form = realign.scene.forms[part[2]];
        var options = Object.assign(look(form.key), { pane: pane }, style || {});
        var line = L.polyline(road.slice(part[0], part[1]), options);
        bound(line, function () { return aboutPart(option, link, part); }, form.name + ": " + link);
        line.on("click", function (event) {
          realign.tell("road", { option: option.name, link: link, place: event.latlng });
        });
        line.on("mousemove", function (event) {
          realign.tell("hover", { link: link, place: event.latlng });
        });
        out[form.key].push(line);
      });
    });
    return out;
  }

  function casing(option, pane) {
    return option.links.map(function (link) {
      return L.polyline(realign.roads[link].slice(0, realign.roads[link].length),
        Object.assign(look("casing"), { pane: pane }));
    });
  }

  function old(from, to, style) {
    return L.polyline(realign.old.slice(from, to), style);
  }

  function replace(group, layers) {
    group.clearLayers();
    layers.forEach(function (layer) { group.addLayer(layer); });
  }

  function sum(option, form) {
    var total = 0;
    option.links.forEach(function (link) {
      realign.roads[link].parts.forEach(function (part) {
        if (part[2] === form) { total += part[1] - part[0]; }
      });
    });
    return total;
  }

  // Lines of the lots of a phase, number `k` of the option.
  function places(option, k) {
    var out = [];
    realign.scene.days.options[option.name].lots.forEach(function (lot) {
      if (lot.phase === k) {
        lot.places.forEach(function (place) {
          var road = realign.road(place[0]);
          out.push(road.slice(Math.max(0, place[1]), Math.min(place[2], road.length)));
        });
      }
    });
    return out;
  }

  function drawPhases(option) {
    phases.forEach(function (entry, k) {
      var phase = option.phases[k], group = entry.layers[0];
      entry.label.hidden = !phase;
      group.clearLayers();
      if (!phase) { return; }
      var opens = phase.rows.find(function (pair) { return pair[0] === "All of it opens"; });
      realign.panel.rename(entry, phase.title, opens ? "opens " + opens[1] : "");
      var band = L.polyline(places(option, k), Object.assign({ pane: "bands" }, entry.look));
      group.addLayer(bound(band, function () { return phase; }, phase.title));
    });
  }

  function tie(option, each) {
    var road = realign.roads[each.link];
    var style = Object.assign(look("tie-in"), { pane: "points", radius: 6 });
    var dot = L.circleMarker(road.at(each.end === "start" ? 0 : road.length), style);
    return bound(dot, function () { return each; }, each.title);
  }

  // Marks at even new chainages, as far apart as the zoom asks.
  function ticks() {
    if (!shown) { return; }
    var zoom = realign.map.getZoom(), bounds = realign.map.getBounds().pad(0.1);
    var step = zoom >= 15 ? 100 : zoom >= 12 ? 1000 : zoom >= 10.5 ? 5000 : 10000;
    replace(groups.oldTicks, marks([["", 0, realign.old.length, 0]], step, bounds, "tick", ""));
    var own = shown.whole.filter(function (piece) { return piece[0]; });
    replace(groups.newTicks, marks(own, step, bounds, "new tick", "new "));
  }

  function marks(pieces, step, bounds, name, word) {
    var out = [];
    pieces.forEach(function (piece) {
      var road = realign.road(piece[0]), zero = piece[3] - piece[1];
      var first = Math.ceil((piece[1] + zero) / step) * step;
      for (var at = first; at <= piece[2] + zero; at += step) {
        var place = road.at(at - zero);
        if (bounds.contains(place)) { out.push(mark(road, at, at - zero, place, name, word)); }
      }
    });
    return out;
  }

  function mark(road, at, s, place, name, word) {
    var dot = L.circleMarker(place, Object.assign(look(name), { pane: "points", radius: 3 }));
    var text = at % 1000 ? realign.station(at) : realign.number(at / 1000) + " km";
    dot.bindTooltip(realign.make("span", word + text), { permanent: true, direction: "bottom",
      offset: [0, 3], className: "label tick" });
    return named(dot, road, at, s);
  }

  function named(dot, road, at, s) {
    dot.bindPopup(function () {
      var rows = [["Road", road.key || realign.old.name], ["Level", realign.number(road.level(s), 1) + " m"]];
      if (road.key) {
        var beside = realign.old.nearest(road.at(s));
        rows.push(["Existing road beside", realign.station(beside.s)]);
      }
      return realign.popup({ title: (road.key ? "New chainage " : "Chainage ") + realign.station(at), rows: rows });
    });
    return dot;
  }

  function show(name) {
    var option = realign.options[name];
    if (!option) { return; }
    shown = option;
    var own = drawn(option, "roads");
    replace(groups.casing, casing(option, "casings"));
    realign.scene.forms.forEach(function (form, number) {
      replace(groups[form.key], own[form.key]);
      var length = sum(option, number);
      realign.panel.rename(rows[form.key], form.name + ", " + realign.number(length / 1000, 1) + " km",
        number === 0 ? option.year : "");
      rows[form.key].label.hidden = number > 0 && length === 0;
    });
    replace(groups.upgraded, option.upgraded.map(function (section) {
      return old(section[0], section[1], Object.assign(look("upgraded"), { pane: "bands" }));
    }));
    var upgraded = option.upgraded.reduce(function (all, s) { return all + s[1] - s[0]; }, 0);
    rows.upgraded.label.hidden = upgraded === 0;
    realign.panel.rename(rows.upgraded, "Upgraded, " + realign.number(upgraded / 1000, 1) + " km");
    replace(groups.ties, option.ties.map(function (each) { return tie(option, each); }));
    drawPhases(option);
    thin.forEach(function (entry) {
      entry.label.hidden = entry.option === option;
    });
    rows.open.group.words.textContent = "Option shown: " + title(option);
    realign.byId("option").value = name;
    realign.byId("headline").textContent = option.headline;
    ticks();
    realign.panel.refresh();
    realign.tell("option", option);
  }

  function entry(name, style, group, more) {
    return Object.assign({ name: name, note: "", look: Object.assign({ kind: "line" }, style), shown: true,
      layers: [group], role: "option" }, more || {});
  }

  // Rows of the panel that belong to an option; filled by `show`.
  function build() {
    var forms = realign.scene.forms.map(function (form) {
      groups[form.key] = L.layerGroup();
      return (rows[form.key] = entry(form.name, look(form.key), groups[form.key], { key: form.key, form: true }));
    });
    ["casing", "upgraded", "ties", "newTicks", "oldTicks"].forEach(function (key) {
      groups[key] = L.layerGroup();
    });
    rows.open.layers.unshift(groups.casing);
    rows.upgraded = entry("Upgraded", look("upgraded"), groups.upgraded, { key: "upgraded" });
    var dot = { kind: "dot" };
    var ties = entry("Tie-ins", Object.assign(look("tie-in"), dot), groups.ties);
    var fresh = entry("New chainage", Object.assign(look("new tick"), dot), groups.newTicks);
    var most = Math.max.apply(null, realign.scene.options.map(function (o) { return o.phases.length; }));
    for (var k = 0; k < most; k++) {
      var colour = realign.scene.bands[k % realign.scene.bands.length];
      phases.push(entry("Phase " + (k + 1), { color: colour, weight: 13, opacity: 0.55, lineCap: "butt" },
        L.layerGroup(), { key: "phase " + (k + 1) }));
    }
    thin = realign.scene.options.filter(function (o) { return o.links.length; }).map(other);
    return [
      { title: "Option shown", key: "option", rows: forms.concat([rows.upgraded, ties, fresh]) },
      { title: "Phases", rows: phases },
      { title: "Other options", rows: thin }
    ];
  }

  function other(option, number) {
    var colour = realign.scene.colours[number % realign.scene.colours.length];
    var style = { color: colour, weight: 2.5, dashArray: DASHES[number % DASHES.length] };
    var group = L.layerGroup();
    return entry(title(option), style, group, {
      key: option.name, note: option.year, shown: false, role: "", option: option,
      fill: function () {
        if (group.getLayers().length) { return; }
        var own = drawn(option, "roads", style);
        Object.keys(own).forEach(function (form) {
          own[form].forEach(function (line) { group.addLayer(line); });
        });
      }
    });
  }

  function ready() {
    var select = realign.byId("option");
    realign.scene.options.forEach(function (option) {
      var choice = realign.make("option", title(option) +
        (option.name === realign.scene.best ? " (preferred)" : ""));
      choice.value = option.name;
      select.appendChild(choice);
    });
    select.addEventListener("change", function () { show(select.value); });
    realign.map.on("zoomend moveend", ticks);
    realign.panel.rule(function (entry) { return !(entry.label && entry.label.hidden); });
  }

  // What a road says, beside its middle: for who chooses it from a list.
  function tell(road) {
    if (!road.key) { return; }
    L.popup().setLatLng(road.at(road.length / 2))
      .setContent(realign.popup({ title: road.key, rows: shown.rows[road.key] || [] })).openOn(realign.map);
  }

  return {
    tell: tell,
    build: build, ready: ready, show: show, title: title, drawn: drawn, casing: casing, old: old, look: look,
    oldTicks: function () { return groups.oldTicks; },
    shown: function () { return shown; }
  };
}());
