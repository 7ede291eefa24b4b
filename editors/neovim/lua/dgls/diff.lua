--- An offered edit on the screen: old and new text and the reason, without changing the buffer.
local M = {}

local DIFF = vim.api.nvim_create_namespace('dgls.next_edit')
local POINTER = vim.api.nvim_create_namespace('dgls.next_edit.pointer')

for name, link in pairs({ DglsDelete = 'DiffDelete', DglsAdd = 'DiffAdd', DglsHint = 'Comment' }) do
  vim.api.nvim_set_hl(0, name, { link = link, default = true })
end

---@class dgls.Place in bytes, from 0; the end is exclusive
---@field first_row integer
---@field first integer
---@field last_row integer
---@field last integer

--- How many leading bytes two texts share, not ending inside a word of either.
local function shared(one, other)
  local count = 0
  while count < math.min(#one, #other) and one:byte(count + 1) == other:byte(count + 1) do
    count = count + 1
  end
  local function splits_a_word(text)
    return text:sub(count, count + 1):find('^[%w_\128-\255][%w_\128-\255]$')
  end
  while count > 0 and (splits_a_word(one) or splits_a_word(other)) do
    count = count - 1
  end
  return count
end

--- How many bytes an old and a new text share at their beginnings and at their ends.
---@param old string
---@param new string
---@return integer, integer
function M.around(old, new)
  local before = shared(old, new)
  local after = shared(old:sub(before + 1):reverse(), new:sub(before + 1):reverse())
  return before, after
end

--- A change within one line: the old words are marked, the new ones are shown after them.
local function draw_words(bufnr, place, old, new)
  local before, after = M.around(old, new)
  local first, last = place.first + before, place.last - after
  local come = new:sub(before + 1, #new - after)
  if last > first then
    vim.api.nvim_buf_set_extmark(bufnr, DIFF, place.first_row, first, {
      end_row = place.first_row,
      end_col = last,
      hl_group = 'DglsDelete',
    })
  end
  if come ~= '' then
    vim.api.nvim_buf_set_extmark(bufnr, DIFF, place.first_row, last, {
      virt_text = { { come, 'DglsAdd' } },
      virt_text_pos = 'inline',
    })
  end
end

--- A change of several lines: the old ones are marked, the new ones are shown below them.
local function draw_lines(bufnr, place, new)
  local lines = {}
  for line in vim.gsplit(new, '\n', { plain = true, trimempty = true }) do
    table.insert(lines, { { line, 'DglsAdd' } })
  end
  vim.api.nvim_buf_set_extmark(bufnr, DIFF, place.first_row, place.first, {
    end_row = place.last_row,
    end_col = place.last,
    hl_group = 'DglsDelete',
    hl_eol = true,
  })
  if #lines > 0 then
    vim.api.nvim_buf_set_extmark(bufnr, DIFF, M.last_row(place), 0, { virt_lines = lines })
  end
end

--- The last row of an edit; a line end belongs to its line.
---@param place dgls.Place
---@return integer
function M.last_row(place)
  local ends_before = place.last == 0 and place.last_row > place.first_row
  return place.last_row - (ends_before and 1 or 0)
end

--- Show an edit and its reason.
---@param bufnr integer
---@param place dgls.Place
---@param new string
---@param hint string
function M.draw(bufnr, place, new, hint)
  local old = vim.api.nvim_buf_get_text(
    bufnr,
    place.first_row,
    place.first,
    place.last_row,
    place.last,
    {}
  )
  if #old == 1 and not new:find('\n') then
    draw_words(bufnr, place, old[1], new)
  else
    draw_lines(bufnr, place, new)
  end
  vim.api.nvim_buf_set_extmark(bufnr, DIFF, place.first_row, 0, {
    virt_text = { { '  ' .. hint, 'DglsHint' } },
    virt_text_pos = 'eol',
    hl_mode = 'combine',
  })
end

--- Whether a row of a buffer is in the current window.
local function is_in_view(bufnr, row)
  if vim.api.nvim_get_current_buf() ~= bufnr then
    return false
  end
  return vim.fn.line('w0') <= row + 1 and row + 1 <= vim.fn.line('w$')
end

--- Show in the cursor's line where the edit is, while it is out of view.
---@param bufnr integer
---@param place dgls.Place
---@param hint string
function M.point(bufnr, place, hint)
  local here = vim.api.nvim_get_current_buf()
  vim.api.nvim_buf_clear_namespace(here, POINTER, 0, -1)
  if is_in_view(bufnr, place.first_row) then
    return
  end
  local file = here == bufnr and 'line '
    or vim.fn.fnamemodify(vim.api.nvim_buf_get_name(bufnr), ':t') .. ':'
  local text = ('  → %s%d: %s'):format(file, place.first_row + 1, hint)
  vim.api.nvim_buf_set_extmark(here, POINTER, vim.api.nvim_win_get_cursor(0)[1] - 1, 0, {
    virt_text = { { text, 'DglsHint' } },
    virt_text_pos = 'eol',
    hl_mode = 'combine',
  })
end

--- Remove everything from the screen.
function M.clear()
  for _, bufnr in ipairs(vim.api.nvim_list_bufs()) do
    vim.api.nvim_buf_clear_namespace(bufnr, DIFF, 0, -1)
    vim.api.nvim_buf_clear_namespace(bufnr, POINTER, 0, -1)
  end
end

return M
