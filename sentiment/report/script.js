'use strict';
// Sorting, filtering, sliders and hover notes. The page is whole without it; texts only ever
// enter the page as text (textContent), never as markup.
(() => {
  const all = (selector, within = document) => Array.from(within.querySelectorAll(selector));
  const NOT_A_NUMBER = '–';
  document.documentElement.classList.add('js');

  // ---- tables that can be sorted
  const keyOf = (row, column) => {
    const cell = row.cells[column];
    if (!cell) return '';
    const value = cell.dataset.v;
    if (value === undefined) return cell.textContent.trim().toLowerCase();
    return value === '' ? null : Number(value);
  };
  const compare = (a, b) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b));
  };
  const sortBy = (table, header, column) => {
    const falling = header.getAttribute('aria-sort') === 'ascending' ||
      (!header.hasAttribute('aria-sort') && header.dataset.first === 'falling');
    all('thead th', table).forEach((other) => other.removeAttribute('aria-sort'));
    header.setAttribute('aria-sort', falling ? 'descending' : 'ascending');
    table.classList.add('sorted');
    const rows = all('tbody tr:not(.family)', table).map((row) => [keyOf(row, column), row]);
    rows.sort(([a], [b]) => {
      if (a === null || b === null) return compare(a, b);
      return falling ? compare(b, a) : compare(a, b);
    });
    const body = table.tBodies[0];
    rows.forEach(([, row]) => body.append(row));
  };
  all('table.sortable').forEach((table) => {
    all('thead th', table).forEach((header, column) => {
      if (!header.textContent.trim() || header.dataset.sort === 'no') return;
      const button = document.createElement('button');
      button.type = 'button';
      button.append(...header.childNodes);
      header.append(button);
      button.addEventListener('click', () => sortBy(table, header, column));
    });
  });

  // ---- lists and tables that can be filtered
  all('form.filter').forEach((form) => {
    const target = document.getElementById(form.dataset.for);
    const items = all('[data-item]', target);
    const told = form.querySelector('output');
    const apply = () => {
      const words = (form.elements.words ? form.elements.words.value : '').trim().toLowerCase();
      const choices = all('select', form).filter((choice) => choice.value !== '');
      let shown = 0;
      items.forEach((item) => {
        const fits = choices.every((choice) => item.dataset[choice.name] === choice.value) &&
          (!words || item.textContent.toLowerCase().includes(words));
        item.hidden = !fits;
        shown += fits;
      });
      told.textContent = shown === items.length ? '' : `${shown} of ${items.length}`;
    };
    form.addEventListener('input', apply);
    form.addEventListener('submit', (event) => event.preventDefault());
  });

  // ---- notes on hover, and on touch
  const note = document.createElement('div');
  note.id = 'note';
  note.setAttribute('role', 'status');
  note.hidden = true;
  document.body.append(note);
  const notes = {};
  all('script[type="application/json"]').forEach((block) => {
    notes[block.id] = JSON.parse(block.textContent);
  });
  const wordsOf = (element) => {
    if (element.dataset.note !== undefined) return element.dataset.note;
    const group = element.closest('[data-notes]');
    const own = group && notes[group.dataset.notes];
    return own ? own[Number(element.dataset.i)] : '';
  };
  const show = (event) => {
    const element = event.target.closest && event.target.closest('[data-note],[data-i]');
    const words = element ? wordsOf(element) : '';
    note.hidden = !words;
    if (!words) return;
    note.textContent = words;
    const left = Math.min(event.clientX + 14, window.innerWidth - note.offsetWidth - 8);
    const below = event.clientY + 18;
    const fits = below + note.offsetHeight < window.innerHeight;
    note.style.left = `${Math.max(8, left)}px`;
    note.style.top = `${fits ? below : Math.max(8, event.clientY - note.offsetHeight - 12)}px`;
  };
  document.addEventListener('pointerover', show);
  document.addEventListener('pointerdown', show);
  window.addEventListener('scroll', () => { note.hidden = true; }, { passive: true });

  // ---- thresholds
  const percent = (part, whole) => (whole ? `${(100 * part / whole).toFixed(1)} %` : NOT_A_NUMBER);
  const wilson = (part, whole) => {
    if (!whole) return '';
    const z = 1.959963984540054, share = part / whole, scale = 1 + z * z / whole;
    const centre = share + z * z / (2 * whole);
    const spread = z * Math.sqrt(share * (1 - share) / whole + z * z / (4 * whole * whole));
    const low = part === 0 ? 0 : (centre - spread) / scale;
    const high = part === whole ? 1 : (centre + spread) / scale;
    return `${(100 * low).toFixed(1)}–${(100 * high).toFixed(1)} %`;
  };
  const count = (value) => value.toLocaleString('en-US');
  all('.explorer').forEach((box) => {
    const table = JSON.parse(box.dataset.counts);
    const slider = box.querySelector('input[type="range"]');
    const choice = box.querySelector('select');
    const put = (name, words) => all(`[data-out="${name}"]`, box).forEach((place) => {
      place.textContent = words;
    });
    const update = () => {
      const own = choice ? table[choice.value] : table;
      const step = Number(slider.value);
      put('threshold', (step / 100).toFixed(2));
      const all_ = own.chosen[step], good = own.hits[step];
      put('chosen', `${count(all_)} of ${count(own.n)}`);
      put('share', percent(all_, own.n));
      put('precision', percent(good, all_));
      put('precision-interval', wilson(good, all_));
      put('recall', percent(good, own.positives));
      put('recall-interval', wilson(good, own.positives));
      put('f1', percent(2 * good, all_ + own.positives));
      put('wrong', count(all_ - good));
      all('[data-cursor]', box).forEach((cursor) => {
        const [left, width] = cursor.dataset.cursor.split(' ').map(Number);
        cursor.style.left = `${left + width * step / 100}%`;
      });
      all('[data-class]', box).forEach((part) => {
        part.hidden = Boolean(choice) && part.dataset.class !== choice.value;
      });
    };
    box.addEventListener('input', update);
    update();
  });
})();
