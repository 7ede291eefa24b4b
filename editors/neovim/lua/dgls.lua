--- What dgls adds to `vim.lsp.inline_completion`: an accept that is right while one types.
local M = {}

--- Put a suggestion in place of what was typed of it since it was made.
---
--- Neovim 0.12 puts it in where the cursor was when it was asked for, and leaves what was typed
--- since behind it (https://github.com/neovim/neovim/issues/36529).
---@param item vim.lsp.inline_completion.Item
---@return vim.lsp.inline_completion.Item? # what Neovim shall put in itself
local function put_in(item)
  if type(item.insert_text) ~= 'string' or not item.range then
    return item
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
  local lines = vim.split(item.insert_text, '\n', { plain = true })
  local column = #lines == 1 and first or 0
  -- Setting this option begins a new undo step: one `u` takes the suggestion back and no more.
  vim.bo.undolevels = vim.bo.undolevels
  vim.api.nvim_buf_set_text(0, row, first, row, cursor, lines)
  vim.api.nvim_win_set_cursor(0, { row + #lines, column + #lines[#lines] })
  return nil
end

--- Accept the suggestion that is shown.
---@return boolean # whether there was one
function M.accept()
  return vim.lsp.inline_completion.get({ on_accept = put_in })
end

--- Map a key to `accept`; where nothing is suggested the key does what it always does.
---@param key string for example '<Tab>'
function M.map(key)
  vim.keymap.set('i', key, function()
    if not M.accept() then
      return key
    end
  end, { expr = true, replace_keycodes = true, desc = 'dgls: accept the suggestion' })
end

return M
