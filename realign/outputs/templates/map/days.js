"use strict";
// The time slider: water, works, openings, traffic and money from the start of works to the full lake.
realign.days = (function () {
  var days = [], programme = null, group = null, timer = null;
  var slider, play, label, box;
  var rest = 0;
  var FRAME = 350;   // ms between two days while it plays
  var MONTH = 30.4375 * 86400000;

  function time(day) { return Date.parse(day + "T00:00:00Z"); }

  // Firsts of months, and every other day on which something changes.
  function list() {
    var all = {};
    var first = realign.scene.days.first, last = realign.scene.days.last;
    var year = +first.slice(0, 4), month = +first.slice(5, 7);
    for (;;) {
      var day = year + "-" + ("0" + month).slice(-2) + "-01";
      if (day > last) { break; }
      all[day] = true;
      month += 1;
      if (month > 12) { month = 1; year += 1; }
    }
    realign.scene.water.forEach(function (stage) { all[stage.date] = true; });
    Object.keys(realign.scene.days.options).forEach(function (name) {
      realign.scene.days.options[name].flow.forEach(function (each) { all[each.day] = true; });
    });
    all[first] = all[last] = true;
    return Object.keys(all).filter(function (day) { return day >= first && day <= last; }).sort();
  }

  function now() { return days[+slider.value] || null; }

  function playing() { return now() !== null; }

  // What a lot is on a day: planned, works, built, open or closed for good.
  function state(lot, day) {
    if (lot.opens && lot.opens <= day) { return "open"; }
    if (lot.finish && lot.finish <= day) { return "built"; }
    if (lot.start && lot.start <= day) { return "works"; }
    if (lot.land && lot.land <= day) { return "prepared"; }
    return "planned";
  }

  function stage(day) {
    var found = {};
    realign.scene.lakes.forEach(function (each) {
      if (each.date <= day) { found[each.dam] = each; }
    });
    return found;
  }

  function flow(day) {
    var own = null;
    programme.flow.forEach(function (each) { if (each.day <= day) { own = each; } });
    return own;
  }

  // Rupees spent until a day, evenly over the months of each activity.
  function spent(day) {
    var out = programme.phases.map(function () { return 0; });
    programme.lots.forEach(function (lot) {
      lot.paid.forEach(function (paid) {
        out[lot.phase] += paid[2] * share(paid[0], paid[1], day);
      });
    });
    return out;
  }

  function months(from, to) {
    var a = new Date(time(from)), b = new Date(time(to));
    return (b.getUTCFullYear() - a.getUTCFullYear()) * 12 + b.getUTCMonth() - a.getUTCMonth() +
      (b.getUTCDate() - a.getUTCDate()) / 30.4375;
  }

  function share(start, finish, day) {
    if (day <= start) { return 0; }
    if (day >= finish) { return 1; }
    return months(start, day) / months(start, finish);
  }

  function line(road, from, to, key, pane) {
    var own = L.polyline(road.slice(Math.max(0, from), Math.min(to, road.length)),
      Object.assign(realign.option.look(key), { pane: pane || "roads", interactive: !pane }));
    return own.on("click", function (event) {
      if (road.key) { realign.tell("road", { link: road.key, place: event.latlng }); } else {
        realign.tell("old road", event.latlng);
      }
    });
  }

  // Stretches of the existing road, cut where its state changes on that day.
  function standing(day) {
    var cuts = [0, realign.old.length], taken = [], left = [], works = [];
    realign.scene.lost.forEach(function (each) {
      if (each[2] <= day) { taken.push(each); cuts.push(each[0], each[1]); }
    });
    programme.lots.forEach(function (lot) {
      lot.places.forEach(function (place) {
        var what = state(lot, day);
        if (place[0] && what === "open") {
          var old = realign.roads[place[0]].old;
          left.push(old);
          cuts.push(old[0], old[1]);
        } else if (!place[0]) {
          works.push([place[1], place[2], what]);
          cuts.push(place[1], place[2]);
        }
      });
    });
    cuts = cuts.filter(function (s) { return s >= 0 && s <= realign.old.length; })
      .sort(function (a, b) { return a - b; });
    function within(list, s) {
      return list.find(function (each) { return each[0] <= s && s <= each[1]; });
    }
    var out = [];
    for (var i = 0; i + 1 < cuts.length; i++) {
      if (cuts[i + 1] - cuts[i] < 1) { continue; }
      var middle = (cuts[i] + cuts[i + 1]) / 2, own = within(works, middle);
      var key = within(taken, middle) ? "drowned" : within(left, middle) ? "left" : "dry";
      if (key === "dry" && own && own[2] === "works") { key = "upgrading"; }
      if (key === "dry" && own && own[2] === "open") { key = "improved"; }
      var last = out[out.length - 1];
      if (last && last[2] === key) { last[1] = cuts[i + 1]; } else { out.push([cuts[i], cuts[i + 1], key]); }
    }
    return out;
  }

  var KEYS = { planned: "planned", prepared: "prepared", works: "works", built: "built", open: "open" };

  function draw(day) {
    group.clearLayers();
    var way = flow(day);
    standing(day).forEach(function (part) {
      group.addLayer(line(realign.old, part[0], part[1], part[2]));
    });
    programme.lots.forEach(function (lot) {
      lot.places.forEach(function (place) {
        if (!place[0]) { return; }
        var road = realign.roads[place[0]], what = state(lot, day);
        if (what !== "open") {
          group.addLayer(line(road, place[1], place[2], KEYS[what]));
          return;
        }
        group.addLayer(line(road, place[1], place[2], "casing", "casings"));
        road.parts.forEach(function (part) {
          var from = Math.max(part[0], place[1]), to = Math.min(part[1], place[2]);
          if (to > from) { group.addLayer(line(road, from, to, realign.scene.forms[part[2]].key)); }
        });
      });
    });
    if (way && way.open) {
      way.pieces.forEach(function (piece) {
        group.addLayer(line(realign.road(piece[0]), piece[1], piece[2], "flow", "flow"));
      });
      way.lines.forEach(function (points) {
        group.addLayer(L.polyline(points, Object.assign(realign.option.look("flow"),
          { pane: "flow", interactive: false })));
      });
    }
  }

  function kilometres(way, old) {
    return way.pieces.filter(function (piece) { return !piece[0] === old; })
      .reduce(function (all, piece) { return all + piece[2] - piece[1]; }, 0);
  }

  function traffic(way) {
    if (!way) { return "not known"; }
    if (!way.open) { return "no way through"; }
    var words = [realign.km(kilometres(way, true)) + " on the existing road"];
    var fresh = kilometres(way, false);
    if (fresh) { words.push(realign.km(fresh) + " on new road"); }
    if (way.others.length) { words.push("by " + way.others.join(", ")); }
    return words.join(", ");
  }

  function lengths(day) {
    var out = { planned: 0, prepared: 0, works: 0, built: 0, open: 0, upgrading: 0 };
    programme.lots.forEach(function (lot) {
      lot.places.forEach(function (place) {
        var what = state(lot, day);
        if (place[0]) { out[what] += place[2] - place[1]; } else if (what === "works") {
          out.upgrading += place[2] - place[1];
        }
      });
    });
    return out;
  }

  // Everything that the box says of a day, also for who asks from outside.
  function facts(day) {
    var water = stage(day), size = lengths(day), money = spent(day), way = flow(day);
    var lost = realign.scene.lost.filter(function (each) { return each[2] <= day; })
      .reduce(function (all, each) { return all + each[1] - each[0]; }, 0);
    return { day: day, water: water, lengths: size, lost: lost, spent: money, way: way,
      total: money.reduce(function (all, each) { return all + each; }, 0) };
  }

  function tell(day) {
    var all = facts(day);
    box.textContent = "";
    box.appendChild(realign.make("h2", day));
    var table = realign.make("table");
    function add(name, value) {
      var row = realign.make("tr"), head = realign.make("th", name);
      head.scope = "row";
      row.appendChild(head);
      row.appendChild(realign.make("td", value));
      table.appendChild(row);
    }
    Object.keys(all.water).forEach(function (dam) {
      add(dam, realign.number(all.water[dam].level) + " m, " + all.water[dam].stage);
    });
    if (!Object.keys(all.water).length) { add("Water", "no lake yet"); }
    add("Existing road lost, freeboard included", realign.km(all.lost));
    if (all.lengths.prepared) { add("Land and access", realign.km(all.lengths.prepared)); }
    add("Under construction", realign.km(all.lengths.works) + " new" +
      (all.lengths.upgrading ? ", " + realign.km(all.lengths.upgrading) + " upgraded" : ""));
    if (all.lengths.built) { add("Built, not yet open", realign.km(all.lengths.built)); }
    add("New road open", realign.km(all.lengths.open));
    add("Trucks go", traffic(all.way));
    add("Spent so far", realign.bn(all.total));
    box.appendChild(table);
    programme.phases.forEach(function (phase, k) {
      if (!phase.cost) { return; }
      var part = all.spent[k] / phase.cost;
      var bar = realign.make("div", undefined, "spent");
      bar.appendChild(realign.make("span", phase.number + ". " + phase.name));
      var meter = realign.make("progress");
      meter.max = 1;
      meter.value = part;
      meter.setAttribute("aria-label", "Spent of phase " + phase.number);
      bar.appendChild(meter);
      bar.appendChild(realign.make("small", realign.bn(all.spent[k]) + " of " + realign.bn(phase.cost)));
      box.appendChild(bar);
    });
    box.classList.toggle("cut", Boolean(all.way && !all.way.open));
  }

  function show() {
    var day = now();
    label.textContent = day || "All built, lakes full";
    slider.setAttribute("aria-valuetext", label.textContent);
    box.hidden = day === null;
    realign.byId("today-key").hidden = day === null;
    realign.map.getContainer().classList.toggle("playing", day !== null);
    if (day === null) {
      group.remove();
    } else {
      draw(day);
      group.addTo(realign.map);
      tell(day);
    }
    realign.panel.refresh();
    realign.tell("day", day);
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    play.textContent = "\u25b6";
    play.setAttribute("aria-label", "Play");
  }

  function start() {
    if (+slider.value >= rest) { slider.value = 0; }
    play.textContent = "\u275a\u275a";
    play.setAttribute("aria-label", "Pause");
    show();
    timer = setInterval(function () {
      slider.value = +slider.value + 1;
      show();
      if (+slider.value >= rest) { stop(); }
    }, FRAME);
  }

  function set(day) {
    var at = days.findIndex(function (each) { return each >= day; });
    slider.value = at < 0 ? rest : at;
    show();
  }

  // Marks above the slider: stages of the water, and openings.
  function marks(option) {
    var track = realign.byId("events");
    track.textContent = "";
    function put(day, kind, text) {
      var at = days.indexOf(day);
      if (at < 0) { return; }
      var mark = realign.make("span", undefined, kind);
      mark.style.left = 100 * at / rest + "%";
      mark.title = day + ": " + text;
      track.appendChild(mark);
    }
    realign.scene.lakes.forEach(function (each) {
      put(each.date, "water", each.dam + ", " + each.stage);
    });
    realign.scene.days.options[option.name].lots.forEach(function (lot) {
      if (lot.opens) { put(lot.opens, "opening", lot.name + " opens"); }
    });
  }

  function key() {
    var legend = realign.byId("today-key");
    [["planned", "New road, planned"], ["prepared", "land and access"], ["works", "under construction"], ["built", "built, not yet open"],
      ["upgrading", "Existing road, being upgraded"], ["drowned", "under water"],
      ["left", "left for the new road"], ["flow", "Way of trucks"]].forEach(function (pair) {
      var row = realign.make("div", undefined, "line");
      row.appendChild(realign.panel.swatch(Object.assign({ kind: "line" }, realign.option.look(pair[0]))));
      row.appendChild(realign.make("span", pair[1]));
      legend.appendChild(row);
    });
  }

  function ready() {
    days = list();
    rest = days.length;
    slider = realign.byId("day");
    play = realign.byId("play");
    label = realign.byId("date");
    box = realign.byId("today");
    group = L.layerGroup();
    slider.max = rest;
    slider.value = rest;
    slider.addEventListener("input", function () { stop(); show(); });
    play.addEventListener("click", function () { if (timer) { stop(); } else { start(); } });
    realign.panel.rule(function (entry) {
      var day = now();
      if (day === null || !entry.role) { return true; }
      var role = entry.role.split("|");
      if (role[0] !== "water") { return false; }
      var own = stage(day)[role[1]];
      return Boolean(own) && own.date === role[2];
    });
    key();
    realign.on("option", function (option) {
      programme = realign.scene.days.options[option.name];
      marks(option);
      show();
    });
  }

  return { ready: ready, now: now, set: set, stop: stop, facts: facts, playing: playing,
    rest: function () { stop(); slider.value = rest; show(); } };
}());
