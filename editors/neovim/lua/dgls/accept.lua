--- Inserts a suggestion, or a part of it, into the buffer.
local shown = require('dgls.shown')

local M = {}

--- Where a suggestion goes: it replaces the text from `first` to the cursor, in bytes.
---@param item vim.lsp.inline_completion.Item
---@return { row: integer, first: integer, cursor: integer, typed: string }? # nil if it is stale
local function place_of(item)
  if type(item.insert_text) ~= 'string' or not item.range then
    return nil
  end
  local row, first, _, last = item.range:to_extmark()
  local cursor_row, cursor = unpack(vim.api.nvim_win_get_cursor(0))
  if cursor_row - 1 ~= row or cursor < last then
    return nil
  end
  local typed = vim.api.nvim_get_current_line():sub(first + 1, cursor)
  if cursor > last and not vim.startswith(item.insert_text, typed) then
    return nil
  end
  return { row = row, first = first, cursor = cursor, typed = typed }
end

--- Replace the text between two columns of the cursor's line, and move after it.
---@return integer, integer # the cursor's new row and column, from 0
local function put(row, first, last, text)
  local lines = vim.split(text, '\n', { plain = true })
  local column = (#lines == 1 and first or 0) + #lines[#lines]
  -- Setting this option begins a new undo step, so that one `u` undoes only the suggestion.
  vim.bo.undolevels = vim.bo.undolevels
  vim.api.nvim_buf_set_text(0, row, first, row, last, lines)
  vim.api.nvim_win_set_cursor(0, { row + #lines, column })
  return row + #lines - 1, column
end

--- Insert a whole suggestion, replacing the part of it that was typed since.
---
--- Neovim 0.12 inserts it where the cursor was at the request, and leaves the text typed since
--- after it (https://github.com/neovim/neovim/issues/36529).
---@param item vim.lsp.inline_completion.Item
---@return vim.lsp.inline_completion.Item? # the item if Neovim should insert it
local function put_whole(item)
  if type(item.insert_text) ~= 'string' or not item.range then
    return item
  end
  local place = place_of(item)
  if place then
    put(place.row, place.first, place.cursor, item.insert_text)
  end
  return nil
end

--- Accept the whole suggestion.
---@return boolean # whether there was a suggestion
function M.whole()
  return vim.lsp.inline_completion.get({ on_accept = put_whole })
end

--- Insert the beginning of the suggestion; the rest stays on the screen.
---@param beginning fun(text: string): string
---@return boolean # whether there was a suggestion
local function part(beginning)
  local item = shown.item()
  local place = item and place_of(item)
  if not item or not place then
    return false
  end
  local left = vim.startswith(item.insert_text, place.typed)
      and item.insert_text:sub(#place.typed + 1)
    or ''
  local text = beginning(left)
  if text == left then
    return M.whole()
  end
  local row, column = put(place.row, place.cursor, place.cursor, text)
  -- From now on the suggestion is the rest, which Neovim redraws after the cursor has moved.
  item.insert_text = left:sub(#text + 1)
  item.range = vim.range(0, row, column, row, column)
  return true
end

--- The spaces before a word, and the word; other characters count one by one.
---@param text string
---@return string
function M.first_word(text)
  return text:match('^%s*[%w_\128-\255]+') or text:match('^%s*.') or text
end

--- The rest of a line or, if it is empty, the next line.
---@param text string
---@return string
function M.first_line(text)
  return text:match('^\n?[^\n]*')
end

--- Accept the next word.
---@return boolean # whether there was a suggestion
function M.word()
  return part(M.first_word)
end

--- Accept the next line.
---@return boolean # whether there was a suggestion
function M.line()
  return part(M.first_line)
end

return M
